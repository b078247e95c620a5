/**
 * Where a reader of a pipe reads into, and what it was handed last, for as long as that may return: until the reader's
 * next operation. No byte is copied for this. Buffers are few: when all are lent, the reader whose last read is the
 * longest ago gives up its own, and with it the piece; one that is killed within a read is known to be much sooner.
 */

import { BufferPool } from '../../buffer-pool.ts'

/** The longest read that the kernel makes. */
const BUFFER_BYTES = 1 << 20
const MAX_LENT = 16

const buffers = new BufferPool(BUFFER_BYTES, 2)
/** Those who have a buffer, in the order of their last reads. */
const holders = new Set<LastPiece>()

export class LastPiece {
  #buffer: Buffer | undefined
  #bytes: Uint8Array | undefined

  get isEmpty(): boolean {
    return this.#bytes === undefined
  }

  /** A buffer for the next piece; this one is gone. */
  room(): Buffer {
    this.#bytes = undefined
    this.#buffer ??= borrow()
    holders.delete(this)
    holders.add(this)
    return this.#buffer
  }

  /** Keeps what was read, into the room or elsewhere. */
  keep(bytes: Uint8Array): void {
    if (bytes.length === 0) this.drop()
    else this.#bytes = bytes
  }

  /** Takes it out; valid until the next read of any pipe. */
  take(): Uint8Array | undefined {
    const bytes = this.#bytes
    this.drop()
    return bytes
  }

  drop(): void {
    this.#bytes = undefined
    if (this.#buffer === undefined) return
    buffers.give(this.#buffer)
    this.#buffer = undefined
    holders.delete(this)
  }
}

function borrow(): Buffer {
  const [oldest] = holders
  if (holders.size >= MAX_LENT) oldest?.drop()
  return buffers.take()
}
