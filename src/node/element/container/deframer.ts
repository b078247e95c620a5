/**
 * Takes the frames off one output of a container: the engine puts 8 bytes before each piece, of which the last four are its
 * length, big-endian ("Attach to a container", Docker Engine API). Linear, whatever the pieces: bytes are moved once.
 */
import { CircuitError } from '../../../proto/errors.ts'

const HEADER_BYTES = 8
/** stdin, stdout, stderr, and what the engine itself has to say. */
const LAST_STREAM = 3

export class Deframer {
  readonly #header = Buffer.alloc(HEADER_BYTES)
  /** Bytes of the header that have come. */
  #known = 0
  /** Bytes of the piece that have not. */
  #rest = 0

  /** The payload of the next bytes, which are overwritten. @throws CircuitError EPROTO where there are no frames */
  take(bytes: Buffer): Buffer {
    let from = 0
    let to = 0
    while (from < bytes.length) {
      if (this.#rest === 0) {
        from += this.#takeHeader(bytes.subarray(from))
        // What comes in one piece is not moved at all.
        if (to === 0 && this.#rest >= bytes.length - from) {
          this.#rest -= bytes.length - from
          return bytes.subarray(from)
        }
        continue
      }
      const end = Math.min(from + this.#rest, bytes.length)
      if (from !== to) bytes.copyWithin(to, from, end)
      this.#rest -= end - from
      to += end - from
      from = end
    }
    return bytes.subarray(0, to)
  }

  /** Says how many bytes were its. */
  #takeHeader(bytes: Buffer): number {
    const size = bytes.copy(this.#header, this.#known)
    this.#known += size
    if (this.#known < HEADER_BYTES) return size
    this.#known = 0
    if (this.#header.readUInt8(0) > LAST_STREAM || this.#header.readUIntBE(1, 3) !== 0)
      throw new CircuitError('EPROTO', 'what the engine sends as output of a container is not framed')
    this.#rest = this.#header.readUInt32BE(4)
    return size
  }
}
