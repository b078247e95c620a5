/** The last `limit` bytes of a stream, by their offset since its beginning. */
export class RingBuffer {
  readonly #limit: number
  #bytes = Buffer.alloc(0)
  #start = 0
  #end = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Offset of the oldest byte kept. */
  get start(): number {
    return this.#start
  }

  /** Offset behind the newest byte. */
  get end(): number {
    return this.#end
  }

  append(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#limit))
    this.#reserve(Math.min(this.#limit, this.#end - this.#start + kept.length))
    this.#end += bytes.length - kept.length
    for (let done = 0; done < kept.length; ) {
      const at = this.#end % this.#bytes.length
      const part = kept.subarray(done, done + this.#bytes.length - at)
      this.#bytes.set(part, at)
      this.#end += part.length
      done += part.length
    }
    this.#start = Math.max(this.#start, this.#end - this.#bytes.length)
  }

  /** Up to `max` bytes from an offset that is kept, fewer where the ring wraps. Valid until the next append. */
  read(from: number, max: number): Uint8Array {
    if (this.#bytes.length === 0) return this.#bytes
    const at = from % this.#bytes.length
    return this.#bytes.subarray(at, Math.min(at + max, at + this.#end - from, this.#bytes.length))
  }

  /** Forgets what is kept; offsets go on. */
  clear(): void {
    this.#start = this.#end
    this.#bytes = Buffer.alloc(0)
  }

  /** Grows by doubling, so that a quiet process costs little. */
  #reserve(size: number): void {
    if (size <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(size, 2 * this.#bytes.length, 4096)))
    for (let from = this.#start; from < this.#end; ) {
      const part = this.read(from, grown.length - (from % grown.length))
      grown.set(part, from % grown.length)
      from += part.length
    }
    this.#bytes = grown
  }
}
