/**
 * Bytes on their way to a socket, in pieces of one size that a pool lends: what is sent is copied once, small frames travel
 * together, and a long stream allocates nothing. Garbage would not be cheap: V8 looks through its whole heap for each 64 MiB of
 * buffers, and at some hundred MB a second that was 40 % of a server's time.
 */

import { BufferPool } from '../buffer-pool.ts'

/**
 * The other side deciphers one piece while the next is enciphered here. 64 KiB of a file with their frame's header are
 * one piece.
 */
const PIECE_BYTES = 68 << 10

const pool = new BufferPool(PIECE_BYTES, 16)

export class Outgoing {
  /** All but the last are full. */
  readonly #pieces: Buffer[] = []
  /** Bytes of the last one that are used. */
  #used = PIECE_BYTES
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Appends a copy. */
  push(bytes: Uint8Array): void {
    this.#length += bytes.length
    for (let at = 0; at < bytes.length; ) {
      const piece = this.#last()
      const part = Math.min(bytes.length - at, PIECE_BYTES - this.#used)
      piece.set(part === bytes.length ? bytes : bytes.subarray(at, at + part), this.#used)
      this.#used += part
      at += part
    }
  }

  /** A piece that is not full. */
  #last(): Buffer {
    const last = this.#pieces.at(-1)
    if (last && this.#used < PIECE_BYTES) return last
    const piece = pool.take()
    this.#pieces.push(piece)
    this.#used = 0
    return piece
  }

  /** The first bytes; to be given back when they have been sent. */
  take(): Buffer | undefined {
    const piece = this.#pieces.shift()
    if (piece === undefined) return undefined
    const bytes = piece.subarray(0, this.#pieces.length > 0 ? PIECE_BYTES : this.#used)
    if (this.#pieces.length === 0) this.#used = PIECE_BYTES
    this.#length -= bytes.length
    return bytes
  }

  /** Bytes that were taken are not needed any more. */
  give(bytes: Buffer): void {
    pool.give(Buffer.from(bytes.buffer, bytes.byteOffset, PIECE_BYTES))
  }
}
