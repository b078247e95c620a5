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
/** What one write carries at most. */
export const MAX_WRITE_BYTES = 1 << 20
/** Longest payload: a write of 1 MiB, or a listing of many names. */
export const MAX_PAYLOAD_BYTES = MAX_WRITE_BYTES + (1 << 16)

export const FRAME = { CONTROL: 0, READ: 1, WRITE: 2, PING: 3, PONG: 4 } as const
export type FrameKind = (typeof FRAME)[keyof typeof FRAME]

export const FRAME_FLAG = {
  /** READ: how the process that got these bytes ends matters. */
  DELICATE: 1,
  /** READ: more may follow before it is asked for; what is taken is to be told. */
  STREAMING: 2,
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

/** A whole frame, with a copy of its payload. */
export function frame(stream: number, kind: FrameKind, flags: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length)
  bytes.set(payload, FRAME_HEADER_BYTES)
  bytes.writeUInt32LE(payload.length, 0)
  bytes.writeUInt32LE(stream, 4)
  bytes.writeUInt32LE(kind | (flags << 8), 8)
  return bytes
}

const isKind = (kind: number): kind is FrameKind => kind <= FRAME.PONG

interface Header {
  readonly length: number
  readonly stream: number
  readonly kind: FrameKind
  readonly flags: number
}

function parseHeader(bytes: Buffer): Header {
  const length = bytes.readUInt32LE(0)
  const kind = bytes.readUInt8(8)
  if (length > MAX_PAYLOAD_BYTES || !isKind(kind))
    throw new CircuitError('EPROTO', `the other side sent a frame of kind ${kind} and ${length} bytes`)
  return { length, stream: bytes.readUInt32LE(4), kind, flags: bytes.readUInt8(9) }
}

/** Cuts a stream of bytes into frames, whatever its pieces. Each byte is copied once at most. */
export class FrameReader {
  #pieces: Buffer[] = []
  #size = 0
  /** Of the frame whose payload is coming. */
  #header: Header | undefined

  /** Bytes that wait for the rest of their frame. */
  get pending(): number {
    return this.#size
  }

  /** Takes a piece and yields the frames that it completes. @throws CircuitError EPROTO: the other side does not speak this */
  *push(piece: Buffer): Generator<Frame> {
    this.#pieces.push(piece)
    this.#size += piece.length
    for (;;) {
      if (this.#header === undefined) {
        if (this.#size < FRAME_HEADER_BYTES) return
        this.#header = parseHeader(this.#take(FRAME_HEADER_BYTES))
      }
      const { length, stream, kind, flags } = this.#header
      if (this.#size < length) return
      this.#header = undefined
      yield { stream, kind, flags, payload: this.#take(length) }
    }
  }

  #take(length: number): Buffer {
    this.#size -= length
    const [first] = this.#pieces
    if (first && first.length > length) {
      this.#pieces[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    const all = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces)
    this.#pieces = all.length > length ? [all.subarray(length)] : []
    return all.subarray(0, length)
  }
}
