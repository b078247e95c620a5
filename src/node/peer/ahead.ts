/**
 * Reading ahead, the sender's side: bytes of a file that were sent before the reader far away asked for them.
 *
 * One counter, of bytes that the reader has taken, is both the acknowledgement and the credit: more may be sent, and what
 * was sent is not needed any more. What it turns out not to have taken returns to the element.
 */
import { ByteQueue, MAX_QUEUED_BYTES } from '../byte-queue.ts'

/** Most bytes on their way to a reader that has not taken them. */
export const MAX_AHEAD_BYTES = MAX_QUEUED_BYTES

export class Ahead {
  /** What was sent and not taken yet. */
  readonly #sent = new ByteQueue()
  #taken = 0

  /** Bytes that may be sent unasked: twice as many ahead as were taken so far, so that a reader that stops early cost little. */
  get room(): number {
    return Math.min(2 * this.#taken, MAX_AHEAD_BYTES) - this.#sent.length
  }

  /** Bytes that may be sent to one that asks. */
  get space(): number {
    return MAX_AHEAD_BYTES - this.#sent.length
  }

  /** Remembers a copy; there must be space. */
  sent(bytes: Uint8Array): void {
    this.#sent.push(bytes)
  }

  /** The reader has taken so many bytes, in all. A number that can't be is what can be. */
  taken(total: number): void {
    const now = Math.min(Math.max(total - this.#taken, 0), this.#sent.length)
    this.#sent.drop(now)
    this.#taken += now
  }

  /** Takes back what was not taken. */
  takeBack(): Buffer {
    const pieces: Buffer[] = []
    while (this.#sent.length > 0) {
      const piece = Buffer.from(this.#sent.peek(MAX_AHEAD_BYTES))
      pieces.push(piece)
      this.#sent.drop(piece.length)
    }
    return Buffer.concat(pieces)
  }
}
