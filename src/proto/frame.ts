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

/** A frame; one of kind READ or WRITE comes in parts, as its bytes come. */
export interface Frame {
  readonly stream: number
  readonly kind: FrameKind
  readonly flags: number
  /** Shares the memory that was read; not used again, so it may be kept. */
  readonly payload: Buffer
  /** Bytes of the frame that come after this part. */
  readonly left: number
}

/** Writes the header of a frame whose payload is so long to the beginning of a buffer. */
export function writeHeader(
  header: Buffer,
  stream: number,
  kind: FrameKind,
  flags: number,
  length: number,
): void {
  header.writeUInt32LE(length, 0)
  header.writeUInt32LE(stream, 4)
  header.writeUInt32LE(kind | (flags << 8), 8)
}

/** A whole frame, with a copy of its payload. */
export function frame(stream: number, kind: FrameKind, flags: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length)
  writeHeader(bytes, stream, kind, flags, payload.length)
  bytes.set(payload, FRAME_HEADER_BYTES)
  return bytes
}

const isKind = (kind: number): kind is FrameKind => kind <= FRAME.PONG
const comesInParts = (kind: FrameKind): boolean => kind === FRAME.READ || kind === FRAME.WRITE

interface Header {
  readonly length: number
  readonly stream: number
  readonly kind: FrameKind
  readonly flags: number
}

function parseHeader(bytes: Buffer, at: number): Header {
  const length = bytes.readUInt32LE(at)
  const kind = bytes.readUInt8(at + 8)
  if (length > MAX_PAYLOAD_BYTES || !isKind(kind))
    throw new CircuitError('EPROTO', `the other side sent a frame of kind ${kind} and ${length} bytes`)
  return { length, stream: bytes.readUInt32LE(at + 4), kind, flags: bytes.readUInt8(at + 9) }
}

/** Cuts a stream of bytes into frames, whatever its pieces. Bulk bytes are not copied, all others once at most. */
export class FrameReader {
  #pieces: Buffer[] = []
  /** Bytes of the first piece that were taken. */
  #at = 0
  #size = 0
  /** Of the frame whose payload is coming. */
  #header: Header | undefined
  /** Bytes of it that are still to come. */
  #left = 0

  /** Bytes that wait for the rest of their frame. */
  get pending(): number {
    return this.#size
  }

  /** Takes a piece and yields what it completes. @throws CircuitError EPROTO: the other side does not speak this */
  *push(piece: Buffer): Generator<Frame> {
    if (piece.length === 0) return
    this.#pieces.push(piece)
    this.#size += piece.length
    for (let frame = this.#next(); frame; frame = this.#next()) yield frame
  }

  #next(): Frame | undefined {
    if (this.#header === undefined) {
      if (this.#size < FRAME_HEADER_BYTES) return undefined
      const first = this.#together(FRAME_HEADER_BYTES)
      this.#header = parseHeader(first, this.#at)
      this.#skip(first, FRAME_HEADER_BYTES)
      this.#left = this.#header.length
    }
    const { stream, kind, flags } = this.#header
    const wanted = this.#left
    const part = comesInParts(kind) ? Math.min(wanted, (this.#pieces[0]?.length ?? 0) - this.#at) : wanted
    if (this.#size < part || (part === 0 && wanted > 0)) return undefined
    this.#left -= part
    if (this.#left === 0) this.#header = undefined
    return { stream, kind, flags, payload: part === 0 ? NO_BYTES : this.#take(part), left: this.#left }
  }

  #take(length: number): Buffer {
    const first = this.#together(length)
    const bytes = first.subarray(this.#at, this.#at + length)
    this.#skip(first, length)
    return bytes
  }

  /** The first piece, made to hold at least so many bytes that were not taken yet. */
  #together(length: number): Buffer {
    const [first] = this.#pieces
    if (first && first.length - this.#at >= length) return first
    const all = Buffer.concat(this.#pieces).subarray(this.#at)
    this.#pieces = [all]
    this.#at = 0
    return all
  }

  #skip(first: Buffer, length: number): void {
    this.#size -= length
    this.#at += length
    if (this.#at < first.length) return
    this.#pieces.shift()
    this.#at = 0
  }
}

const NO_BYTES = Buffer.alloc(0)
