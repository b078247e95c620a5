/** An open file on another server. One read and one write are on their way at a time. */
import type { circuit } from '../../proto/circuit.pb.js'
import { asCircuitError, CircuitError } from '../../proto/errors.ts'
import { FRAME, FRAME_FLAG, type FrameKind } from '../../proto/frame.ts'
import { BaseHandle, type Cancel, type Direction, type Readiness, type WriteHow } from '../handle.ts'
import { WaitQueue, Watchers } from '../wait-queue.ts'
import { Arrivals } from './arrivals.ts'
import type { Control, Stream, StreamEvents } from './connection.ts'
import { decodeFailure } from './failure.ts'

export class RemoteFile extends BaseHandle implements StreamEvents {
  readonly #stream: Stream
  #lost: CircuitError | undefined
  #delicate: boolean
  #reading = false
  readonly #arrivals = new Arrivals()
  #writing = false
  #written: number | CircuitError | undefined
  #polling = false
  #ready: Readiness | undefined
  readonly #readers = new WaitQueue()
  readonly #writers = new WaitQueue()
  readonly #watchers = new Watchers()

  /** @param delicate how the process that uses it ends matters */
  constructor(stream: Stream, delicate: boolean) {
    super()
    this.#stream = stream
    this.#delicate = delicate
    stream.events = this
  }

  override get distant(): boolean {
    return true
  }

  override get delicate(): boolean {
    return this.#delicate
  }

  override read(max: number, waits: boolean): Uint8Array | undefined {
    this.#settle()
    const read = this.#arrivals.read(max)
    if (read) {
      this.#delicate = read.delicate
      this.#ready = undefined
      return read.bytes
    }
    if (this.#lost) throw this.#lost
    this.#ready = undefined
    const { answered } = this.#arrivals
    if (!this.#reading) this.#stream.send({ read: { max, waits, answered, taken: this.#arrivals.tell() } })
    this.#reading = true
    return undefined
  }

  /** What was read last has been taken, now that more is asked. */
  #settle(): void {
    this.#arrivals.settle()
    // Where nothing is left, the next read tells it.
    if (this.#arrivals.isToldLate && !this.#arrivals.isEmpty)
      this.#stream.send({ taken: { total: this.#arrivals.tell() } })
  }

  override unread(): void {
    if (this.#arrivals.unread()) this.#tellReaders()
    else this.#stream.send({ unread: {} })
  }

  override get streaming(): boolean {
    return this.#arrivals.streaming
  }

  override ahead(max: number): Uint8Array | undefined {
    return this.#arrivals.isEmpty ? undefined : this.read(max, true)
  }

  /** It is there for the next reader of this open file, and goes home with its close. */
  override returned(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#lost) return
    this.#arrivals.returned(bytes)
    this.#tellReaders()
  }

  #tellReaders(): void {
    this.#readers.wakeWhile(() => !this.#arrivals.isEmpty)
    this.#watchers.notify()
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
    if (!this.#writing) this.#stream.sendBytes(FRAME.WRITE, flags, bytes)
    this.#writing = true
    return undefined
  }

  override wait(direction: Direction, wake: () => void): Cancel {
    return (direction === 'read' ? this.#readers : this.#writers).add(wake)
  }

  /** What becomes of it the other side says. */
  override interrupt(direction: Direction): 'later' {
    this.#stream.send({ interrupt: { write: direction === 'write' } })
    return 'later'
  }

  override ready(): Readiness | undefined {
    this.#settle()
    const ready = this.#lost ? { readable: true, writable: true, hangup: true } : this.#ready
    this.#ready = undefined
    if (!this.#arrivals.isEmpty) return { readable: true, writable: false, hangup: false }
    if (ready || this.#polling) return ready
    this.#polling = true
    this.#stream.send({ poll: {} })
    return undefined
  }

  override watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  override abandon(unseen: boolean): void {
    if (!this.#arrivals.lastStreamed) this.#stream.send({ abandon: { unseen } })
    else if (unseen) this.unread()
  }

  override close(): void {
    this.#stream.send({ close: this.#arrivals.close() })
    this.#stream.end()
  }

  onControl(reply: Control): void {
    if (reply.written) this.#wrote(reply.written.count ?? 0, reply.written.delicate === true)
    else if (reply.failure) this.#failed(decodeFailure(reply.failure), reply.failure.write === true)
    else if (reply.ready) this.#becameReady(reply.ready)
  }

  onBytes(kind: FrameKind, flags: number, bytes: Buffer, left: number): void {
    if (kind !== FRAME.READ || this.#lost) return
    try {
      this.#arrivals.add(bytes)
    } catch (error) {
      return this.onLost(asCircuitError(error))
    }
    if (left > 0) return
    this.#arrivals.complete({
      streaming: (flags & FRAME_FLAG.STREAMING) !== 0,
      delicate: (flags & FRAME_FLAG.DELICATE) !== 0,
    })
    this.#gotRead()
  }

  onLost(error: CircuitError): void {
    this.#lost = error
    this.#delicate = false
    // It has returned to the element: nobody here may have it, too.
    this.#arrivals.clear()
    this.#readers.wakeAll()
    this.#writers.wakeAll()
    this.#watchers.notify()
  }

  #failed(error: CircuitError, write: boolean): void {
    if (write) return this.#wrote(error, this.#delicate)
    this.#arrivals.fail(error)
    this.#gotRead()
  }

  #gotRead(): void {
    this.#reading = false
    this.#readers.wakeWhile(() => !this.#arrivals.isEmpty)
    // Others who wait must ask anew.
    if (this.#readers.size > 0 && !this.#reading) this.#readers.wakeOne()
    if (!this.#arrivals.isEmpty) this.#watchers.notify()
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
