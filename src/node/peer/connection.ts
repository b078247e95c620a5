/** One connection between two servers, or a client and a server: many calls at once over one socket. */
import type { Duplex } from 'node:stream'
import { circuit } from '../../proto/circuit.pb.js'
import { CircuitError } from '../../proto/errors.ts'
import { FRAME, type Frame, type FrameKind, FrameReader, frame, frameHeader } from '../../proto/frame.ts'

export type Control = circuit.Control.$Properties

/** What comes on a stream, to whoever holds it. */
export interface StreamEvents {
  onControl(control: Control): void
  onBytes(kind: FrameKind, flags: number, bytes: Buffer): void
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
}

/** While calls are open and nothing has come for so long, the other side is asked whether it lives. */
const QUIET_MS = 2500
/** And given so long to answer. */
const ANSWER_MS = 2500
/** A longer payload is not copied. */
const STAGED_BYTES = 4096
/** Beyond so much that waits to be sent, reading from the socket is paused: answers make more. */
const HIGH_WATER_BYTES = 1 << 20

export class Connection {
  readonly #socket: Duplex
  readonly #options: ConnectionOptions
  readonly #reader = new FrameReader()
  readonly #streams = new Map<number, Stream>()
  #nextStream: number
  readonly #congested: (() => void)[] = []
  #error: CircuitError | undefined
  /** Frames that this turn of the event loop has made. */
  #staged: Uint8Array[] = []
  #heard = Date.now()
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Duplex, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#nextStream = options.dialled ? 1 : 2
    socket.on('data', (piece: Buffer) => this.#read(piece))
    socket.on('drain', () => this.#drained())
    socket.on('error', (error) =>
      this.close(new CircuitError('EHOSTDOWN', `the connection broke: ${error.message}`, { cause: error })),
    )
    socket.on('close', () => this.close(new CircuitError('EHOSTDOWN', 'the connection was closed')))
  }

  /** Why it is closed; undefined while it is open. */
  get error(): CircuitError | undefined {
    return this.#error
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
    return this.#socket.writableLength > HIGH_WATER_BYTES
  }

  whenDrained(go: () => void): void {
    this.#congested.push(go)
  }

  #drained(): void {
    this.#socket.resume()
    for (const go of this.#congested.splice(0)) go()
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
    // One write to the socket for all that one turn of the event loop sends.
    if (this.#staged.length === 0) process.nextTick(() => this.#flush())
    if (payload.length <= STAGED_BYTES) this.#staged.push(frame(stream, kind, flags, payload))
    else {
      this.#staged.push(frameHeader(stream, kind, flags, payload.length), payload)
      this.#flush()
    }
    if (this.congested) this.#socket.pause()
  }

  #flush(): void {
    const staged = this.#staged
    if (staged.length === 0) return
    this.#staged = []
    const last = staged.at(-1)
    if (last && last.length > STAGED_BYTES) {
      this.#socket.cork()
      this.#socket.write(Buffer.concat(staged.slice(0, -1)))
      this.#socket.write(last)
      this.#socket.uncork()
    } else this.#socket.write(Buffer.concat(staged))
  }

  forget(stream: number): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #add(id: number): Stream {
    const stream = new Stream(this, id)
    this.#streams.set(id, stream)
    this.#heard = Math.max(this.#heard, this.#streams.size === 1 ? Date.now() : 0)
    this.#timer ??= setTimeout(() => this.#check(), QUIET_MS).unref()
    return stream
  }

  /** Calls are open: is the other side there? A connection without calls has no timer. */
  #check(): void {
    const quiet = Date.now() - this.#heard
    if (quiet > QUIET_MS + ANSWER_MS)
      return this.close(
        new CircuitError('EHOSTDOWN', `the server has not answered for ${Math.round(quiet / 1000)} s`),
      )
    if (quiet >= QUIET_MS) this.sendFrame(0, FRAME.PING, 0, new Uint8Array(0))
    this.#timer = setTimeout(() => this.#check(), QUIET_MS).unref()
  }

  #read(piece: Buffer): void {
    this.#heard = Date.now()
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

  #dispatch({ stream: id, kind, flags, payload }: Frame): void {
    if (kind === FRAME.PING) return this.sendFrame(0, FRAME.PONG, 0, new Uint8Array(0))
    if (kind === FRAME.PONG) return
    const stream = this.#streams.get(id)
    if (kind !== FRAME.CONTROL) return stream?.events?.onBytes(kind, flags, payload)
    const control = circuit.Control.decode(payload)
    if (id === 0) return control.hello ? this.#options.onHello(control.hello) : undefined
    if (stream) return stream.events?.onControl(control)
    // A stream of the other side's; what comes late for one of ours that has ended is of no interest.
    if (id % 2 === this.#nextStream % 2) return
    this.#options.onStream(this.#add(id), control)
  }
}
