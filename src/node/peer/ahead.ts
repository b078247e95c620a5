/**
 * Reading ahead, the sender's side: bytes of a file that were sent before the reader far away asked for them.
 *
 * One counter, of bytes that the reader has taken, is both the acknowledgement and the credit: more may be sent, and what
 * was sent is not needed any more. What it turns out not to have taken returns to the element.
 */

/** Most bytes on their way to a reader that has not asked for them. */
export const MAX_AHEAD_BYTES = 1 << 20

export class Ahead {
  readonly #pieces: Buffer[] = []
  #sent = 0
  #taken = 0
  /** Of the first piece: how many bytes were taken. */
  #into = 0

  /** Bytes that may be sent now: twice as many ahead as were taken so far, so that a reader that stops early cost little. */
  get room(): number {
    return this.#taken + Math.min(2 * this.#taken, MAX_AHEAD_BYTES) - this.#sent
  }

  sent(bytes: Buffer): void {
    this.#pieces.push(bytes)
    this.#sent += bytes.length
  }

  /** The reader has taken so many bytes, in all. A number that can't be is what can be. */
  taken(total: number): void {
    const now = Math.min(Math.max(total, this.#taken), this.#sent)
    this.#into += now - this.#taken
    this.#taken = now
    for (let [first] = this.#pieces; first && this.#into >= first.length; [first] = this.#pieces) {
      this.#into -= first.length
      this.#pieces.shift()
    }
  }

  /** Takes back what was not taken. */
  takeBack(): Buffer {
    const rest = Buffer.concat(this.#pieces.splice(0)).subarray(this.#into)
    this.#into = 0
    this.#taken = this.#sent
    return rest
  }
}
