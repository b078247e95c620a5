/** A file that the other side of a connection has open: its operations, one read and one write at a time. */
import type { circuit } from '../../proto/circuit.pb.js'
import { CircuitError } from '../../proto/errors.ts'
import { FRAME, FRAME_FLAG, type FrameKind } from '../../proto/frame.ts'
import { BlockingCall, type Progress } from '../blocking.ts'
import { END, type Handle } from '../handle.ts'
import { Ahead } from './ahead.ts'
import type { Control, Stream, StreamEvents } from './connection.ts'
import { fail } from './failure.ts'
import { ServedWrites } from './served-writes.ts'

/** Longest answer to a read. */
const MAX_READ_BYTES = 1 << 20

export class ServedFile implements StreamEvents {
  readonly #handle: Handle
  readonly #stream: Stream
  /** Reads that were answered, whether they had been asked for or not. */
  #answered = 0
  /** Of a file that has streamed. */
  #ahead: Ahead | undefined
  #reading: BlockingCall | undefined
  #readingAhead: BlockingCall | undefined
  /** Of a file that has been written. */
  #writes: ServedWrites | undefined
  #watching = false
  #armed = false
  /** A third server is being asked: what comes next is its answer, and no change yet. */
  #asking = false
  #closed = false

  constructor(handle: Handle, stream: Stream) {
    this.#handle = handle
    this.#stream = stream
  }

  onControl(call: Control): void {
    if (this.#closed) return
    if (call.read) this.#read(call.read)
    else if (call.taken) this.#taken(call.taken.total)
    else if (call.interrupt) (call.interrupt.write ? this.#writes : this.#reading)?.interrupt()
    else if (call.unread) this.#handle.unread()
    else if (call.poll) this.#poll()
    else if (call.abandon) this.#handle.abandon(call.abandon.unseen === true)
    else if (call.close) this.#close(call.close)
  }

  onBytes(kind: FrameKind, flags: number, bytes: Buffer, left: number): void {
    if (kind !== FRAME.WRITE || this.#closed) return
    this.#writes ??= new ServedWrites(this.#handle, this.#stream, (what) => this.#refuse(what))
    this.#writes.take(bytes, flags, left)
  }

  /** Whoever had it open is gone, and what it had not finished with it. */
  onLost(): void {
    if (this.#closed) return
    this.#handle.abandon(false)
    this.#close({})
  }

  #close({ taken, returned }: circuit.CloseCall.$Properties): void {
    this.#closed = true
    this.#reading?.cancel()
    this.#readingAhead?.cancel()
    this.#writes?.cancel()
    this.#ahead?.taken(taken ?? 0)
    const rest = Buffer.concat([returned ?? END, this.#ahead?.takeBack() ?? END])
    if (rest.length > 0) this.#handle.returned(rest)
    this.#handle.close()
    this.#stream.end()
  }

  #read({ max, waits, answered, taken }: circuit.ReadCall.$Properties): void {
    this.#ahead?.taken(taken ?? 0)
    // What was sent ahead, and not seen yet when this was asked, is the answer.
    if ((answered ?? 0) < this.#answered) return this.#readAhead()
    if (this.#reading && !this.#reading.over) return this.#refuse('it reads while it reads')
    const space = this.#ahead?.space ?? MAX_READ_BYTES
    if (space === 0) return this.#refuse('it reads on and takes nothing')
    this.#readingAhead?.cancel()
    const step = (): Progress => {
      const bytes = this.#handle.read(Math.min(max ?? 0, space), waits === true)
      if (bytes === undefined) return 'wait'
      this.#answerRead(bytes)
      return 'done'
    }
    const fail = (error: unknown): void => this.#failRead(error)
    this.#reading = new BlockingCall(this.#handle, 'read', { step, waits: waits === true, fail })
    if (this.#reading.over) this.#readAhead()
  }

  #taken(total: Count): void {
    this.#ahead?.taken(total ?? 0)
    this.#readAhead()
  }

  /** Sends what there is and what comes, until the reader is far enough ahead, or must be asked what it wants. */
  #readAhead(): void {
    if (this.#readingAhead && !this.#readingAhead.over) return
    if (this.#reading && !this.#reading.over) return
    const step = (): Progress => {
      for (let room = this.#room; room > 0; room = this.#room) {
        if (this.#stream.congested) {
          this.#stream.whenDrained(() => this.#readAhead())
          return 'done'
        }
        const bytes = this.#handle.ahead(Math.min(room, MAX_READ_BYTES))
        if (bytes === undefined) return 'wait'
        this.#answerRead(bytes)
        if (bytes.length === 0) return 'done'
      }
      return 'done'
    }
    const fail = (error: unknown): void => this.#failRead(error)
    this.#readingAhead = new BlockingCall(this.#handle, 'read', { step, waits: true, fail })
  }

  /** How many bytes may be sent ahead now. */
  get #room(): number {
    return this.#ahead && this.#handle.streaming ? this.#ahead.room : 0
  }

  #answerRead(lent: Uint8Array): void {
    const { streaming, delicate } = this.#handle
    const flags = (delicate ? FRAME_FLAG.DELICATE : 0) | (streaming ? FRAME_FLAG.STREAMING : 0)
    this.#answered++
    if (streaming) {
      this.#ahead ??= new Ahead()
      this.#ahead.sent(lent)
    }
    this.#stream.sendBytes(FRAME.READ, flags, lent)
  }

  #failRead(error: unknown): void {
    this.#answered++
    fail(this.#stream, error)
  }

  /** One that does not keep to the protocol loses its file. */
  #refuse(what: string): void {
    fail(this.#stream, new CircuitError('EINVAL', `this is not how a file is used: ${what}`))
    this.onLost()
  }

  #poll(): void {
    this.#armed = true
    if (!this.#watching) {
      this.#watching = true
      this.#handle.watch(() => this.#changed())
    }
    this.#tell()
  }

  #changed(): void {
    if (this.#closed || !(this.#asking || this.#armed)) return
    if (!this.#asking) this.#armed = false
    setImmediate(() => this.#tell())
  }

  #tell(): void {
    if (this.#closed) return
    const ready = this.#handle.ready()
    this.#asking = ready === undefined
    if (ready === undefined) return
    // Another may have been faster: the change that is waited for is still to come.
    if (!ready.readable && !ready.writable && !ready.hangup) this.#armed = true
    this.#stream.send({ ready: { ...ready, delicate: this.#handle.delicate } })
  }
}

/** A number as it comes over the wire. */
type Count = number | null | undefined
