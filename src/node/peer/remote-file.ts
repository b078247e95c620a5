/** An open file on another server. One read and one write are on their way at a time. */
import type { circuit } from '../../proto/circuit.pb.js'
import { asCircuitError, CircuitError, isErrorCode } from '../../proto/errors.ts'
import { FRAME, FRAME_FLAG, type FrameKind } from '../../proto/frame.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  END,
  type Handle,
  type Readiness,
  TextHandle,
  type WriteHow,
} from '../handle.ts'
import { WaitQueue, Watchers } from '../wait-queue.ts'
import { MAX_AHEAD_BYTES } from './ahead.ts'
import type { Control, Stream, StreamEvents } from './connection.ts'

/** What came for a reader, whether it had asked for it or not. */
interface Piece {
  readonly bytes: Buffer
  /** It was sent ahead, or more may be: that it is taken is to be told. */
  readonly streaming: boolean
  readonly delicate: boolean
}

export class RemoteFile extends BaseHandle implements StreamEvents {
  readonly #opened: (handle: Handle) => void
  readonly #refused: (error: CircuitError) => void
  #stream: Stream | undefined
  #lost: CircuitError | undefined
  #delicate = false
  #reading = false
  readonly #answers: (Piece | CircuitError)[] = []
  /** Answers to reads that came. */
  #answered = 0
  /** What was read last, until the next operation. */
  #last: Piece | undefined
  /** Bytes that came with `streaming` and were taken for good; those of them that the other side was told of. */
  #taken = 0
  #told = 0
  #writing = false
  #written: number | CircuitError | undefined
  #polling = false
  #ready: Readiness | undefined
  readonly #readers = new WaitQueue()
  readonly #writers = new WaitQueue()
  readonly #watchers = new Watchers()

  constructor(opened: (handle: Handle) => void, refused: (error: CircuitError) => void) {
    super()
    this.#opened = opened
    this.#refused = refused
  }

  begin(stream: Stream, open: circuit.OpenCall.$Properties): void {
    this.#stream = stream
    stream.send({ open })
  }

  override get distant(): boolean {
    return true
  }

  override get delicate(): boolean {
    return this.#delicate
  }

  override read(max: number, waits: boolean): Uint8Array | undefined {
    this.#settle()
    const answer = this.#answers.shift()
    if (answer instanceof CircuitError) throw answer
    if (answer) return this.#take(answer, max)
    if (this.#lost) throw this.#lost
    this.#ready = undefined
    if (!this.#reading)
      this.#stream?.send({ read: { max, waits, answered: this.#answered, taken: this.#tell() } })
    this.#reading = true
    return undefined
  }

  #take(piece: Piece, max: number): Buffer {
    const bytes = piece.bytes.subarray(0, max)
    if (bytes.length < piece.bytes.length)
      this.#answers.unshift({ ...piece, bytes: piece.bytes.subarray(bytes.length) })
    this.#last = { ...piece, bytes }
    this.#delicate = piece.delicate
    this.#ready = undefined
    return bytes
  }

  /** What was read last has been taken, now that more is asked. */
  #settle(): void {
    if (this.#last?.streaming) this.#taken += this.#last.bytes.length
    this.#last = undefined
    // Often while it begins, and then after each quarter of what may be ahead.
    if (this.#taken - this.#told > Math.min(this.#taken, MAX_AHEAD_BYTES) / 4 && this.#answers.length > 0)
      this.#stream?.send({ taken: { total: this.#tell() } })
  }

  #tell(): number {
    this.#told = this.#taken
    return this.#taken
  }

  override unread(): void {
    const last = this.#last
    if (last?.streaming) this.returned(last.bytes)
    else this.#stream?.send({ unread: {} })
  }

  override get streaming(): boolean {
    const [next] = this.#answers
    return next !== undefined && !(next instanceof CircuitError) && next.streaming
  }

  override ahead(max: number): Uint8Array | undefined {
    return this.#answers.length > 0 ? this.read(max, true) : undefined
  }

  /** It is there for the next reader of this open file, and goes home with its close. */
  override returned(bytes: Uint8Array): void {
    const unsettled = this.#last?.bytes.length ?? 0
    this.#last = undefined
    if (bytes.length === 0 || this.#lost) return
    this.#taken -= bytes.length - unsettled
    this.#answers.unshift({ bytes: Buffer.from(bytes), streaming: true, delicate: this.#delicate })
    this.#readers.wakeWhile(() => this.#answers.length > 0)
    this.#watchers.notify()
  }

  /** Bytes of which the other side was told that they are taken, and that came back. */
  #unacknowledge(): Buffer {
    const pieces = this.#answers.flatMap((answer) => (answer instanceof CircuitError ? [] : [answer.bytes]))
    return Buffer.concat(pieces).subarray(0, Math.max(0, this.#told - this.#taken))
  }

  override write(bytes: Uint8Array, { first, waits }: WriteHow): number | undefined {
    const result = this.#written
    if (result !== undefined) {
      this.#written = undefined
      if (result instanceof CircuitError) throw result
      return result
    }
    if (this.#lost) throw this.#lost
    this.#ready = undefined
    const flags = (first ? FRAME_FLAG.FIRST : 0) | (waits ? FRAME_FLAG.WAITS : 0)
    if (!this.#writing) this.#stream?.sendBytes(FRAME.WRITE, flags, bytes)
    this.#writing = true
    return undefined
  }

  override wait(direction: Direction, wake: () => void): Cancel {
    return (direction === 'read' ? this.#readers : this.#writers).add(wake)
  }

  /** What becomes of it the other side says. */
  override interrupt(direction: Direction): 'later' {
    this.#stream?.send({ interrupt: { write: direction === 'write' } })
    return 'later'
  }

  override ready(): Readiness | undefined {
    this.#settle()
    const ready = this.#lost ? { readable: true, writable: true, hangup: true } : this.#ready
    this.#ready = undefined
    if (this.#answers.length > 0) return { readable: true, writable: false, hangup: false }
    if (ready || this.#polling) return ready
    this.#polling = true
    this.#stream?.send({ poll: {} })
    return undefined
  }

  override watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  override abandon(unseen: boolean): void {
    if (!this.#last?.streaming) this.#stream?.send({ abandon: { unseen } })
    else if (unseen) this.unread()
  }

  override close(): void {
    this.#settle()
    this.#stream?.send({ close: { taken: this.#taken, returned: this.#unacknowledge() } })
    this.#stream?.end()
  }

  onControl(reply: Control): void {
    if (reply.opened) this.#wasOpened(reply.opened)
    else if (reply.written) this.#wrote(reply.written.count ?? 0, reply.written.delicate === true)
    else if (reply.failure) this.#failed(decodeFailure(reply.failure), reply.failure.write === true)
    else if (reply.ready) this.#becameReady(reply.ready)
  }

  onBytes(kind: FrameKind, flags: number, bytes: Buffer): void {
    if (kind !== FRAME.READ) return
    this.#gotRead({
      bytes,
      streaming: (flags & FRAME_FLAG.STREAMING) !== 0,
      delicate: (flags & FRAME_FLAG.DELICATE) !== 0,
    })
  }

  onLost(error: CircuitError): void {
    this.#lost = error
    this.#delicate = false
    // It has returned to the element: nobody here may have it, too.
    this.#answers.length = 0
    this.#refused(error)
    this.#readers.wakeAll()
    this.#writers.wakeAll()
    this.#watchers.notify()
  }

  #wasOpened({ delicate, whole, text }: circuit.Opened.$Properties): void {
    if (whole) {
      this.#stream?.end()
      return this.#opened(new TextHandle(text ?? END))
    }
    this.#delicate = delicate === true
    this.#opened(this)
  }

  #failed(error: CircuitError, write: boolean): void {
    this.#refused(error)
    if (write) this.#wrote(error, this.#delicate)
    else this.#gotRead(error)
  }

  #gotRead(answer: Piece | CircuitError): void {
    this.#answered++
    this.#reading = false
    this.#answers.push(answer)
    this.#readers.wakeWhile(() => this.#answers.length > 0)
    // Others who wait must ask anew.
    if (this.#readers.size > 0 && !this.#reading) this.#readers.wakeOne()
    if (this.#answers.length > 0) this.#watchers.notify()
  }

  #wrote(result: number | CircuitError, delicate: boolean): void {
    this.#writing = false
    this.#written = result
    this.#delicate = delicate
    this.#writers.wakeWhile(() => this.#written !== undefined)
  }

  #becameReady({ readable, writable, hangup, delicate }: circuit.Ready.$Properties): void {
    this.#polling = false
    this.#delicate = delicate === true
    this.#ready = { readable: readable === true, writable: writable === true, hangup: hangup === true }
    this.#watchers.notify()
  }
}

export function decodeFailure({ code, sentence }: circuit.Failure.$Properties): CircuitError {
  return isErrorCode(code)
    ? new CircuitError(code, sentence ?? undefined)
    : asCircuitError(new Error(`${code}: ${sentence}`))
}
