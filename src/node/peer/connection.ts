/** One connection between two servers, or a client and a server: many calls at once over one socket. */
import type { Duplex } from 'node:stream'
import { circuit } from '../../proto/circuit.pb.js'
import { CircuitError } from '../../proto/errors.ts'
import {
  FRAME,
  FRAME_HEADER_BYTES,
  type Frame,
  type FrameKind,
  FrameReader,
  writeHeader,
} from '../../proto/frame.ts'
import { Outgoing } from './outgoing.ts'

export type Control = circuit.Control.$Properties

/** What comes on a stream, to whoever holds it. */
export interface StreamEvents {
  onControl(control: Control): void
  /** A part of a frame of bytes; `left` more come. They are not used again, and may be kept. */
  onBytes(kind: FrameKind, flags: number, bytes: Buffer, left: number): void
  /** The connection has gone; nothing more comes. */
  onLost(error: CircuitError): void
}

/** A call, and all that belongs to it, as one of its two sides holds it. */
export class Stream {
  readonly id: number
  readonly #connection: Connection
  events: StreamEvents | undefined

  constructor(connection: Connection, id: number) {
    this.#connection = connection
    this.id = id
  }

  send(control: Control): void {
    this.#connection.sendControl(this.id, control)
  }

  sendBytes(kind: FrameKind, flags: number, bytes: Uint8Array): void {
    this.#connection.sendFrame(this.id, kind, flags, bytes)
  }

  /** So much waits to be sent that no more should be made. */
  get congested(): boolean {
    return this.#connection.congested
  }

  /** Calls once when it is not congested any more, unless the connection is lost before. */
  whenDrained(go: () => void): void {
    this.#connection.whenDrained(go)
  }

  /** Makes room for bytes that this side keeps of it; false where the connection has too many already. */
  reserve(bytes: number): boolean {
    return this.#connection.reserve(bytes)
  }

  /** Nothing more is expected on it. */
  end(): void {
    this.#connection.forget(this.id)
  }
}

export interface ConnectionOptions {
  /** The side that dialled: its streams are odd. */
  readonly dialled: boolean
  /** The other side has opened a stream. */
  readonly onStream: (stream: Stream, first: Control) => void
  readonly onHello: (hello: circuit.Hello.$Properties) => void
  readonly onClose: (error: CircuitError) => void
  /** Without calls for so long, in ms, the side that dialled proposes to close it. Default: a minute. */
  readonly idle?: number
  /** While calls are open and nothing has come for so long, in ms, the other side is asked whether it lives. Default: 2.5 s. */
  readonly quiet?: number
}

const QUIET_MS = 2500
const IDLE_MS = 60_000
/** Calls of the other side that may be open at once. */
const MAX_CALLS = 1 << 16
/** Bytes of writes of the other side that wait to be accepted by elements. */
const MAX_RESERVED_BYTES = 256 << 20
/** So much is sent before the turn is over: the other side works on it while more is made. */
const EAGER_BYTES = 1024
/** Beyond so much that waits to be sent, reading from the socket is paused: answers make more. */
const HIGH_WATER_BYTES = 1 << 20

export class Connection {
  readonly #socket: Duplex
  readonly #options: ConnectionOptions
  readonly #reader = new FrameReader()
  readonly #streams = new Map<number, Stream>()
  /** How many of them the other side has opened. */
  #answered = 0
  #nextStream: number
  readonly #congested: (() => void)[] = []
  #error: CircuitError | undefined
  /** What waits to be written. */
  readonly #outgoing = new Outgoing()
  readonly #header = Buffer.alloc(FRAME_HEADER_BYTES)
  #writing = false
  #gathering = false
  /** Nothing is read: answers make more that waits. */
  #paused = false
  #heard = Date.now()
  /** When the other side was asked whether it lives, if nothing has come since. */
  #asked: number | undefined
  /** When the last call ended. */
  #rested = Date.now()
  /** While calls are open, for the other side's life; while none is, for the connection's. */
  #timer: NodeJS.Timeout | undefined
  #due = 0
  #reserved = 0
  #leaving = false

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#nextStream = options.dialled ? 1 : 2
    socket.on('data', (piece: Buffer) => this.#read(piece))
    socket.on('error', (error) =>
      this.close(new CircuitError('EHOSTDOWN', `the connection broke: ${error.message}`, { cause: error })),
    )
    socket.on('close', () => this.close(new CircuitError('EHOSTDOWN', 'the connection was closed')))
    this.#rest()
  }

  /** Why it is closed; undefined while it is open. */
  get error(): CircuitError | undefined {
    return this.#error
  }

  /** It is about to be closed, as nobody used it: no call should begin on it. */
  get leaving(): boolean {
    return this.#leaving
  }

  /** Calls that are open, of both sides. */
  get calls(): number {
    return this.#streams.size
  }

  /** Begins a call. @throws CircuitError EHOSTDOWN when the connection is closed */
  open(events: StreamEvents): Stream {
    if (this.#error) throw this.#error
    const stream = this.#add(this.#nextStream)
    stream.events = events
    this.#nextStream += 2
    return stream
  }

  get congested(): boolean {
    return this.#outgoing.length > HIGH_WATER_BYTES
  }

  whenDrained(go: () => void): void {
    this.#congested.push(go)
  }

  #drained(): void {
    this.#paused = false
    this.#socket.resume()
    for (const go of this.#congested.splice(0)) go()
  }

  /** @param bytes negative to give them back */
  reserve(bytes: number): boolean {
    if (bytes > 0 && this.#reserved + bytes > MAX_RESERVED_BYTES) return false
    this.#reserved += bytes
    return true
  }

  hello(hello: circuit.Hello.$Properties): void {
    this.sendControl(0, { hello })
  }

  close(error: CircuitError): void {
    if (this.#error) return
    this.#error = error
    clearTimeout(this.#timer)
    this.#socket.destroy()
    for (const stream of [...this.#streams.values()]) stream.events?.onLost(error)
    this.#streams.clear()
    this.#options.onClose(error)
  }

  sendControl(stream: number, control: Control): void {
    this.sendFrame(stream, FRAME.CONTROL, 0, circuit.Control.encode(control).finish())
  }

  sendFrame(stream: number, kind: FrameKind, flags: number, payload: Uint8Array): void {
    if (this.#error) return
    writeHeader(this.#header, stream, kind, flags, payload.length)
    this.#outgoing.push(this.#header)
    this.#outgoing.push(payload)
    if (this.congested && !this.#paused) {
      this.#paused = true
      this.#socket.pause()
    }
    if (this.#writing) return
    const isUrgent = kind === FRAME.PING || kind === FRAME.PONG
    if (isUrgent || this.#outgoing.length >= EAGER_BYTES) return this.#write()
    if (this.#gathering) return
    // One write to the socket for all that one turn of the event loop sends.
    this.#gathering = true
    setImmediate(() => {
      this.#gathering = false
      if (!this.#writing) this.#write()
    })
  }

  #write(): void {
    if (this.#error) return
    const piece = this.#outgoing.take()
    this.#writing = piece !== undefined
    if (piece)
      this.#socket.write(piece, () => {
        this.#outgoing.give(piece)
        this.#write()
      })
    if (this.#paused && !this.congested) this.#drained()
  }

  forget(stream: number): void {
    if (!this.#streams.delete(stream)) return
    if (!this.#isOurs(stream)) this.#answered--
    if (this.#streams.size === 0) this.#rest()
  }

  #add(id: number): Stream {
    const stream = new Stream(this, id)
    if (this.#streams.size === 0) this.#work()
    this.#streams.set(id, stream)
    if (!this.#isOurs(id)) this.#answered++
    return stream
  }

  /** The first call has begun. */
  #work(): void {
    this.#leaving = false
    this.#heard = Date.now()
    this.#asked = undefined
    this.#lookWithin(this.#quiet)
  }

  /** The last call has ended. */
  #rest(): void {
    this.#rested = Date.now()
    if (this.#options.dialled) this.#lookWithin(this.#idle)
  }

  get #idle(): number {
    return this.#options.idle ?? IDLE_MS
  }

  /** So long may the other side be silent before it is asked, and then until it answers. */
  get #quiet(): number {
    return this.#options.quiet ?? QUIET_MS
  }

  /** Not later than so many ms from now. One that is due is left alone: calls may be shorter than what timers cost. */
  #lookWithin(ms: number): void {
    const due = Date.now() + ms
    if (this.#error || (this.#timer && this.#due <= due)) return
    clearTimeout(this.#timer)
    this.#due = due
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#look()
    }, ms).unref()
  }

  /** While calls are open: is the other side there? While none are: does anybody use the connection? */
  #look(): void {
    if (this.#streams.size > 0) return this.#check()
    if (!this.#options.dialled || this.#leaving) return
    const left = this.#rested + this.#idle - Date.now()
    if (left > 0) this.#lookWithin(left)
    else this.#leave()
  }

  /** A call of the other side's may be on its way: it decides. */
  #leave(): void {
    this.#leaving = true
    this.sendControl(0, { bye: {} })
  }

  #check(): void {
    const left = (this.#asked ?? this.#heard) + this.#quiet - Date.now()
    if (left > 0) return this.#lookWithin(left)
    // What came while this process had no time for it is read first, and counts.
    if (this.#asked !== undefined) return void setImmediate(() => this.#judge())
    this.#asked = Date.now()
    this.sendFrame(0, FRAME.PING, 0, new Uint8Array(0))
    this.#lookWithin(this.#quiet)
  }

  #judge(): void {
    if (this.#error || this.#streams.size === 0) return
    if (this.#asked === undefined) return this.#lookWithin(this.#quiet)
    const seconds = Math.round((Date.now() - this.#heard) / 1000)
    this.close(new CircuitError('EHOSTDOWN', `the server has not answered for ${seconds} s`))
  }

  #read(piece: Buffer): void {
    this.#heard = Date.now()
    this.#asked = undefined
    try {
      for (const frame of this.#reader.push(piece)) {
        this.#dispatch(frame)
        if (this.#error) return
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.close(
        new CircuitError('EPROTO', `the other side does not speak this protocol: ${reason}`, {
          cause: error,
        }),
      )
    }
  }

  #dispatch({ stream: id, kind, flags, payload, left }: Frame): void {
    if (kind === FRAME.PING) return void this.sendFrame(0, FRAME.PONG, 0, new Uint8Array(0))
    if (kind === FRAME.PONG) return
    const stream = this.#streams.get(id)
    if (kind !== FRAME.CONTROL) return stream?.events?.onBytes(kind, flags, payload, left)
    const control = circuit.Control.decode(payload)
    if (id === 0) return this.#heardOfItself(control)
    if (stream) return stream.events?.onControl(control)
    // A stream of the other side's; what comes late for one of ours that has ended is of no interest.
    if (this.#isOurs(id)) return
    const begun = this.#add(id)
    if (this.#answered <= MAX_CALLS) return this.#options.onStream(begun, control)
    const sentence = `more than ${MAX_CALLS} calls are open on this connection`
    begun.send({ failure: { code: 'EMFILE', sentence } })
    begun.end()
  }

  #isOurs(stream: number): boolean {
    return stream % 2 === this.#nextStream % 2
  }

  #heardOfItself({ hello, bye }: Control): void {
    if (hello) this.#options.onHello(hello)
    else if (bye && this.#streams.size === 0)
      this.close(new CircuitError('EHOSTDOWN', 'the connection was not used'))
  }
}
