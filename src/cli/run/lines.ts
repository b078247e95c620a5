/** Output of one server among others': whole lines, each with the server's name before it. */

/** A line that is longer is cut, in bytes: it would have to be kept until its end. */
const MAX_LINE_BYTES = 1 << 20
const NEWLINE = 0x0a

export class Lines {
  readonly #tag: Buffer
  readonly #write: (bytes: Uint8Array) => Promise<void>
  /** What has come of a line that has not ended. */
  #rest: Buffer = Buffer.alloc(0)

  constructor(tag: string, write: (bytes: Uint8Array) => Promise<void>) {
    this.#tag = Buffer.from(tag)
    this.#write = write
  }

  async push(bytes: Buffer): Promise<void> {
    const all = Buffer.concat([this.#rest, bytes])
    const parts: Buffer[] = []
    let from = 0
    for (let end = all.indexOf(NEWLINE); end >= 0; end = all.indexOf(NEWLINE, from)) {
      parts.push(this.#tag, all.subarray(from, end + 1))
      from = end + 1
    }
    this.#rest = all.subarray(from)
    if (parts.length > 0) await this.#write(Buffer.concat(parts))
    if (this.#rest.length > MAX_LINE_BYTES) await this.end()
  }

  /** What comes last may lack its newline. */
  async end(): Promise<void> {
    if (this.#rest.length === 0) return
    const line = Buffer.concat([this.#tag, this.#rest, Buffer.of(NEWLINE)])
    this.#rest = Buffer.alloc(0)
    await this.#write(line)
  }
}
