/**
 * An output of a container: a connection of its own to the engine, which is read while somebody wants it, so that the container
 * blocks when nobody reads. A connection that ends says nothing of the reason: that is told by `end` or `fail`.
 */
import type { Socket } from 'node:net'
import type { CircuitError } from '../../../proto/errors.ts'
import { asCircuitError } from '../../../proto/errors.ts'
import { END } from '../../handle.ts'
import type { Source } from '../job/streams.ts'
import { Deframer } from './deframer.ts'

/** Bytes that are held before the connection is left unread, and at which it is read again. */
const HIGH_BYTES = 256 * 1024
const LOW_BYTES = 64 * 1024
/** What a piece costs beside its bytes. */
const PIECE_BYTES = 256
/** What the engine may hold of a container that has ended: its buffer takes 1 MB and whatever is written then. */
const IN_ENGINE_BYTES = 4 << 20

export interface OutputOptions {
  /** It comes in frames: the container has no terminal. */
  readonly framed: boolean
  /** Told when the connection is left unread. */
  readonly paused: () => void
}

export class AttachedOutput implements Source {
  readonly #options: OutputOptions
  #socket: Socket | undefined
  #connected = false
  #held: Buffer[] = []
  /** Bytes held, and what their pieces cost. */
  #cost = 0
  #high = HIGH_BYTES
  #paused = false
  #end: 'none' | 'coming' | 'dropped' | CircuitError = 'none'
  #wake: (() => void) | undefined
  #sink: ((bytes: Uint8Array | undefined) => void) | undefined

  constructor(options: OutputOptions) {
    this.#options = options
  }

  /** What comes on a connection is its; there may have been others before. */
  connect(socket: Socket): void {
    if (this.#end === 'dropped') return void socket.destroy()
    const deframer = this.#options.framed ? new Deframer() : undefined
    this.#end = 'none'
    this.#socket = socket
    this.#connected = true
    this.#paused = false
    socket.on('data', (bytes: Buffer) => {
      try {
        this.#take(deframer ? deframer.take(bytes) : bytes)
      } catch (error) {
        this.fail(asCircuitError(error))
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket === socket) this.#connected = false
      this.#look()
    })
    socket.resume()
  }

  /** The container has ended: so does this, when all has come. */
  end(): void {
    if (this.#end !== 'none') return
    this.#end = 'coming'
    this.#look()
  }

  /** Nothing more will come, for this reason. */
  fail(error: CircuitError): void {
    if (this.#end === 'dropped' || this.#over) return
    this.#end = error
    this.#socket?.destroy()
    this.#look()
  }

  /** The connection is left unread, since nobody wants what is held. */
  get paused(): boolean {
    return this.#paused
  }

  /** Takes what the engine holds, so that it is not held up itself. */
  relieve(): void {
    this.#high = IN_ENGINE_BYTES
    this.#resume()
  }

  read(max: number, buffer?: Buffer): Uint8Array | undefined {
    const [first] = this.#held
    if (first === undefined) return this.#atEnd()
    const bytes =
      first.length < max && this.#held.length > 1 && buffer ? this.#collect(max, buffer) : this.#cut(max)
    if (this.#cost < LOW_BYTES) this.#resume()
    return bytes
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#held.unshift(Buffer.from(bytes))
    if (bytes.length > 0) this.#cost += bytes.length + PIECE_BYTES
  }

  get readable(): boolean {
    return this.#held.length > 0 || this.#over
  }

  await(wake: (() => void) | undefined): void {
    this.#wake = wake
    if (wake && this.readable) setImmediate(() => this.#wakeUp())
  }

  flow(sink: (bytes: Uint8Array | undefined) => void): void {
    this.#sink = sink
    for (let piece = this.#held.shift(); piece; piece = this.#held.shift()) sink(piece)
    this.#cost = 0
    if (this.#over) sink(undefined)
    this.#resume()
  }

  /** The engine forgets who does not listen any more. */
  drop(): void {
    this.#end = 'dropped'
    this.#held = []
    this.#cost = 0
    this.#paused = false
    this.#socket?.destroy()
  }

  get #over(): boolean {
    return (
      typeof this.#end === 'object' || this.#end === 'dropped' || (this.#end === 'coming' && !this.#connected)
    )
  }

  #take(bytes: Buffer): void {
    if (bytes.length === 0 || this.#end === 'dropped') return
    if (this.#sink) return this.#sink(bytes)
    this.#held.push(bytes)
    this.#cost += bytes.length + PIECE_BYTES
    if (this.#cost >= this.#high && !this.#paused) {
      this.#paused = true
      this.#socket?.pause()
      this.#options.paused()
    }
    this.#wakeUp()
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#socket?.resume()
  }

  /** The first bytes of what is held, as they lie. */
  #cut(max: number): Buffer {
    const first = this.#held.shift() ?? Buffer.alloc(0)
    this.#cost -= Math.min(max, first.length)
    if (first.length > max) this.#held.unshift(first.subarray(max))
    else this.#cost -= PIECE_BYTES
    return first.subarray(0, max)
  }

  /** Small pieces as one. */
  #collect(max: number, buffer: Buffer): Buffer {
    const room = Math.min(max, buffer.length)
    let size = 0
    while (size < room && this.#held.length > 0) size += this.#cut(room - size).copy(buffer, size)
    return buffer.subarray(0, size)
  }

  #atEnd(): Uint8Array | undefined {
    if (typeof this.#end === 'object') throw this.#end
    return this.#over ? END : undefined
  }

  #look(): void {
    if (!this.#over) return
    this.#sink?.(undefined)
    this.#wakeUp()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
