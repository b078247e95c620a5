/** Buffers of one size that are used again, so that a long stream allocates nothing. */
export class BufferPool {
  readonly #size: number
  readonly #most: number
  readonly #spare: Buffer[] = []

  /** @param size of each, in bytes @param most so many are kept while nobody uses them */
  constructor(size: number, most: number) {
    this.#size = size
    this.#most = most
  }

  /** A buffer with anything in it. */
  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#size)
  }

  /** Nobody uses it any more. */
  give(buffer: Buffer): void {
    if (this.#spare.length < this.#most) this.#spare.push(buffer)
  }
}
