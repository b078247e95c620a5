/** Builds the replies of a session, all in the same buffer, and sends them. */
import { OUT_HEADER } from './abi.ts'
import { writeU64 } from './codec.ts'
import type { Device } from './device.ts'

/** Replies up to this size are copied behind their header and written in one piece. */
const COPIED_BYTES = 16 * 1024

/** Where the body of a reply begins. */
export const REPLY_BODY = OUT_HEADER.size

export class Replies {
  readonly #device: Device
  readonly #out = Buffer.allocUnsafeSlow(REPLY_BODY + COPIED_BYTES)
  /** Bodies of up to 16 KiB are written here, from REPLY_BODY on, and sent by `send`. */
  readonly view = new DataView(this.#out.buffer)

  constructor(device: Device) {
    this.#device = device
  }

  /** Sends the body of so many bytes that has been written. False when nobody waits for it any more. */
  send(unique: number, length: number): boolean {
    this.#writeHeader(unique, 0, length)
    return this.#device.send(this.#out, REPLY_BODY + length)
  }

  /** Sends bytes as a body, likewise. */
  data(unique: number, bytes: Uint8Array): boolean {
    if (bytes.length <= COPIED_BYTES) {
      this.#out.set(bytes, REPLY_BODY)
      return this.send(unique, bytes.length)
    }
    this.#writeHeader(unique, 0, bytes.length)
    return this.#device.send(this.#out, REPLY_BODY, bytes)
  }

  /** Sends an errno. */
  fail(unique: number, errno: number): boolean {
    this.#writeHeader(unique, errno, 0)
    return this.#device.send(this.#out, REPLY_BODY)
  }

  #writeHeader(unique: number, errno: number, length: number): void {
    const { view } = this
    view.setUint32(OUT_HEADER.length, REPLY_BODY + length, true)
    view.setInt32(OUT_HEADER.error, -errno, true)
    writeU64(view, unique, OUT_HEADER.unique)
  }
}
