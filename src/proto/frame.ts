/**
 * Frames: what travels on a connection. A header of 12 bytes, then the payload.
 *
 *   length  u32 LE   bytes of the payload
 *   stream  u32 LE   the call that it belongs to; 0 for the connection itself
 *   kind    u8       CONTROL: a message of circuit.proto; READ, WRITE: bytes of a file, raw
 *   flags   u8
 *   -       u16      0
 */
import { CircuitError } from './errors.ts'

export const FRAME_HEADER_BYTES = 12
/** Longest payload: a write of 1 MiB, or a listing of many names. */
export const MAX_PAYLOAD_BYTES = (1 << 20) + (1 << 16)

export const FRAME = { CONTROL: 0, READ: 1, WRITE: 2, PING: 3, PONG: 4 } as const
export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

export const FRAME_FLAG = {
  /** READ: how the process that got these bytes ends matters. */
  DELICATE: 1,
  /** WRITE: begins a write(2). */
  FIRST: 1,
  /** WRITE: the writer waits until all is accepted. */
  WAITS: 2,
} as const

export interface Frame {
  readonly stream: number
  readonly kind: FrameKind
  readonly flags: number
  /** Shares the memory that was read; not used again, so it may be kept. */
  readonly payload: Buffer
}

export function frameHeader(stream: number, kind: FrameKind, flags: number, length: number): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  header.writeUInt32LE(length, 0)
  header.writeUInt32LE(stream, 4)
  header.writeUInt8(kind, 8)
  header.writeUInt8(flags, 9)
  return header
}

const isKind = (kind: number): kind is FrameKind => kind <= FRAME.PONG

/** Cuts a stream of bytes into frames, whatever its pieces. */
export class FrameReader {
  #pieces: Buffer[] = []
  #size = 0

  /** Bytes that wait for the rest of their frame. */
  get pending(): number {
    return this.#size
  }

  /** Takes a piece and yields the frames that it completes. @throws CircuitError EPROTO: the other side does not speak this */
  *push(piece: Buffer): Generator<Frame> {
    this.#pieces.push(piece)
    this.#size += piece.length
    for (;;) {
      if (this.#size < FRAME_HEADER_BYTES) return
      const header = this.#peek(FRAME_HEADER_BYTES)
      const length = header.readUInt32LE(0)
      const kind = header.readUInt8(8)
      if (length > MAX_PAYLOAD_BYTES || !isKind(kind))
        throw new CircuitError('EPROTO', `the other side sent a frame of kind ${kind} and ${length} bytes`)
      if (this.#size < FRAME_HEADER_BYTES + length) return
      this.#take(FRAME_HEADER_BYTES)
      yield { stream: header.readUInt32LE(4), kind, flags: header.readUInt8(9), payload: this.#take(length) }
    }
  }

  /** The next bytes, in one piece, without taking them. */
  #peek(length: number): Buffer {
    const [first] = this.#pieces
    if (first && first.length >= length) return first
    const joined = Buffer.concat(this.#pieces)
    this.#pieces = [joined]
    return joined
  }

  #take(length: number): Buffer {
    this.#size -= length
    const [first] = this.#pieces
    if (first && first.length > length) {
      this.#pieces[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    if (first && first.length === length) {
      this.#pieces.shift()
      return first
    }
    const parts: Buffer[] = []
    for (let left = length; left > 0; ) {
      const piece = this.#pieces.shift()
      if (piece === undefined) break
      parts.push(piece.subarray(0, left))
      if (piece.length > left) this.#pieces.unshift(piece.subarray(left))
      left -= Math.min(left, piece.length)
    }
    return Buffer.concat(parts, length)
  }
}
