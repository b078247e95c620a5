/** Bytes that are added to at the end, at a cost that does not depend on how many there are. */
export class GrowingBuffer {
  #bytes: Buffer
  #length: number

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = Buffer.from(bytes)
    this.#length = bytes.length
  }

  get length(): number {
    return this.#length
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#length))
      grown.set(this.view())
      this.#bytes = grown
    }
    this.#bytes.set(bytes, this.#length)
    this.#length = length
  }

  /** All bytes, not copied; good until the next append. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }
}
