/**
 * Bytes in order: put in at the end, taken from the front. They lie in one buffer, which is small as long as they are few;
 * a large one is lent by a pool and returned as soon as it is empty, so that a long stream allocates nothing and one
 * that pauses holds nothing.
 */

import { BufferPool } from './buffer-pool.ts'

/** Size of the buffers in the pool: what a queue can hold. */
export const MAX_QUEUED_BYTES = 1 << 20
/** Up to here a queue has a buffer of its own. */
const SMALL_BYTES = 32 * 1024
/** So many bytes come in one piece. */
const JOINED_BYTES = 64 * 1024

const NONE = Buffer.alloc(0)
const large = new BufferPool(MAX_QUEUED_BYTES, 2)

export class ByteQueue {
  #buffer: Buffer = NONE
  #start = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Appends a copy; there must be room: MAX_QUEUED_BYTES in all. */
  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#buffer.length) this.#grow(length)
    const end = (this.#start + this.#length) % this.#buffer.length
    const straight = bytes.subarray(0, this.#buffer.length - end)
    this.#buffer.set(straight, end)
    if (straight.length < bytes.length) this.#buffer.set(bytes.subarray(straight.length), 0)
    this.#length = length
  }

  /** The first bytes, up to `max` of them; of more than 64 KiB perhaps fewer than there are. Valid until the queue changes. */
  peek(max: number): Buffer {
    const wanted = Math.min(max, this.#length)
    const straight = this.#buffer.subarray(this.#start, this.#start + wanted)
    // What was written at once, and is short, is to be read at once, also where the buffer ends.
    if (straight.length === wanted || wanted > JOINED_BYTES) return straight
    return Buffer.concat([straight, this.#buffer.subarray(0, wanted - straight.length)])
  }

  /** Takes out the first bytes. */
  drop(count: number): void {
    this.#length -= count
    this.#start = (this.#start + count) % this.#buffer.length
    if (this.#length > 0) return
    this.#start = 0
    if (this.#buffer.length > SMALL_BYTES) this.#release()
  }

  clear(): void {
    this.#start = 0
    this.#length = 0
    this.#release()
  }

  #grow(length: number): void {
    const larger =
      length > SMALL_BYTES
        ? large.take()
        : Buffer.allocUnsafe(Math.max(length, Math.min(SMALL_BYTES, 2 * this.#buffer.length)))
    const straight = this.#buffer.subarray(this.#start, this.#start + this.#length)
    larger.set(straight, 0)
    larger.set(this.#buffer.subarray(0, this.#length - straight.length), straight.length)
    this.#release()
    this.#buffer = larger
    this.#start = 0
  }

  #release(): void {
    if (this.#buffer.length > SMALL_BYTES) large.give(this.#buffer)
    this.#buffer = NONE
  }
}
