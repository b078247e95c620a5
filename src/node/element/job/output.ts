/** A job's stdout or stderr: a pipe that readers share, a log that each reads whole, or nothing. */
import { CircuitError } from '../../../proto/errors.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  END,
  type Handle,
  type Readiness,
  TextHandle,
} from '../../handle.ts'
import { WaitQueue, Watchers } from '../../wait-queue.ts'
import { LastPiece } from './last-piece.ts'
import { RingBuffer } from './ring-buffer.ts'
import type { Source } from './streams.ts'

export interface Output {
  open(): Handle
  /** Drops what nobody has read and all that follows; readers see the end of the file. */
  discard(): void
  /** The element was scrubbed: readers are told, the rest is dropped. */
  scrub(): void
  /** The job has ended and leaves its anchor: readers that are there read to the end, then the rest is dropped. */
  release(): void
}

/** What becomes of an output: readers share it, nobody gets it, or the last of it is kept. */
export const POLICIES = ['pipe', 'discard', 'log'] as const
export type Policy = (typeof POLICIES)[number]

/** Bytes that `"log"` keeps of an output, unless told otherwise. */
export const DEFAULT_LOG_BYTES = 1 << 20
export const MAX_LOG_BYTES = 1 << 28

/** @param source undefined where the job has no such output, or discards it */
export function makeOutput(
  source: Source | undefined,
  policy: Policy = 'pipe',
  limit = DEFAULT_LOG_BYTES,
): Output {
  if (source === undefined) return noOutput
  return policy === 'log' ? new LogOutput(source, limit) : new PipeOutput(source)
}

/** What readers of a pipe or a log have in common: they wait in line, and end together. */
abstract class Stream implements Output {
  protected readonly readers = new WaitQueue()
  protected readonly watchers = new Watchers()
  protected state: 'open' | 'discarded' | 'scrubbed' = 'open'

  abstract open(): Handle
  abstract release(): void
  protected abstract drop(): void

  discard(): void {
    this.#stop('discarded')
  }

  scrub(): void {
    this.#stop('scrubbed')
  }

  #stop(state: 'discarded' | 'scrubbed'): void {
    if (this.state === 'scrubbed') return
    this.state = state
    this.drop()
    this.readers.wakeAll()
    this.watchers.notify()
  }
}

/** Each byte goes to one reader; the job blocks when nobody reads. */
export class PipeOutput extends Stream {
  readonly #source: Source
  #open = 0
  #released = false

  constructor(source: Source) {
    super()
    this.#source = source
  }

  override open(): Handle {
    this.#open++
    return new PipeReader(this)
  }

  override release(): void {
    this.#released = true
    if (this.#open === 0) this.drop()
  }

  protected override drop(): void {
    this.#source.drop()
  }

  // What readers use.

  read(max: number, buffer: Buffer): Uint8Array | undefined {
    if (this.state === 'scrubbed') throw new CircuitError('ECANCELED')
    if (this.state === 'discarded') return END
    const bytes = this.#source.read(max, buffer)
    // The end is everybody's.
    if (bytes?.length === 0) this.readers.wakeAll()
    return bytes
  }

  /** Bytes that nobody got after all are there for the next reader. */
  unread(bytes: Uint8Array): void {
    if (this.state !== 'open') return
    this.#source.unread(bytes)
    this.readers.wakeWhile(() => this.readable)
    this.watchers.notify()
  }

  get readable(): boolean {
    return this.state !== 'open' || this.#source.readable
  }

  /** Whether a read would not have to wait; if not, those who watch will be told when. */
  poll(): boolean {
    const { readable } = this
    if (!readable && this.watchers.size > 0) this.#await()
    return readable
  }

  /** One reader has it all. */
  get single(): boolean {
    return this.#open === 1
  }

  wait(wake: () => void): Cancel {
    const cancel = this.readers.add(wake)
    this.#await()
    return cancel
  }

  watch(changed: () => void): Cancel {
    return this.watchers.add(changed)
  }

  closed(): void {
    this.#open--
    if (this.#released && this.#open === 0) this.drop()
  }

  #await(): void {
    this.#source.await(() => {
      this.readers.wakeWhile(() => this.#source.readable)
      this.watchers.notify()
      if (this.readers.size > 0) this.#await()
    })
  }
}

class PipeReader extends BaseHandle {
  readonly #output: PipeOutput
  readonly #last = new LastPiece()

  constructor(output: PipeOutput) {
    super()
    this.#output = output
  }

  override read(max: number): Uint8Array | undefined {
    const bytes = this.#output.read(max, this.#last.room())
    this.#last.keep(bytes ?? END)
    return bytes
  }

  override unread(): void {
    const bytes = this.#last.take()
    if (bytes) this.#output.unread(bytes)
  }

  override get streaming(): boolean {
    return this.#output.single
  }

  override returned(bytes: Uint8Array): void {
    this.#output.unread(bytes)
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#output.wait(wake)
  }

  override ready(): Readiness {
    this.#last.drop()
    return { readable: this.#output.poll(), writable: false, hangup: false }
  }

  override watch(changed: () => void): Cancel {
    return this.#output.watch(changed)
  }

  override get delicate(): boolean {
    return !this.#last.isEmpty
  }

  /** What a reader saw is gone, even if it made nothing of it; what it never saw is for the next. */
  override abandon(unseen: boolean): void {
    if (unseen) this.unread()
  }

  override close(): void {
    this.#last.drop()
    this.#output.closed()
  }
}

/** The last bytes are kept, the job never blocks, and every reader reads from the oldest byte kept. */
export class LogOutput extends Stream {
  readonly #kept: RingBuffer
  readonly #source: Source
  #ended = false

  constructor(source: Source, limit: number) {
    super()
    this.#kept = new RingBuffer(limit)
    this.#source = source
    source.flow((bytes) => this.#take(bytes))
  }

  #take(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.#ended = true
    else if (this.state === 'open') this.#kept.append(bytes)
    this.readers.wakeAll()
    this.watchers.notify()
  }

  override open(): Handle {
    return new LogReader(this)
  }

  /** Readers hold the bytes that they still want. */
  override release(): void {}

  protected override drop(): void {
    this.#source.drop()
    this.#kept.clear()
  }

  // What readers use.

  get start(): number {
    return this.#kept.start
  }

  /** Bytes from an offset since the beginning; END at the end, undefined while there are none. */
  read(from: number, max: number): Uint8Array | undefined {
    if (this.state === 'scrubbed') throw new CircuitError('ECANCELED')
    if (this.state === 'discarded') return END
    if (from < this.#kept.end) return this.#kept.read(from, max)
    return this.#ended ? this.#source.read(max) : undefined
  }

  readable(from: number): boolean {
    return this.state !== 'open' || this.#ended || from < this.#kept.end
  }

  wait(wake: () => void): Cancel {
    return this.readers.add(wake)
  }

  watch(changed: () => void): Cancel {
    return this.watchers.add(changed)
  }
}

class LogReader extends BaseHandle {
  readonly #output: LogOutput
  #at: number
  #before = 0

  constructor(output: LogOutput) {
    super()
    this.#output = output
    this.#at = output.start
  }

  override read(max: number): Uint8Array | undefined {
    // A reader that was overtaken goes on with the oldest byte kept.
    this.#at = Math.max(this.#at, this.#output.start)
    this.#before = this.#at
    const bytes = this.#output.read(this.#at, max)
    this.#at += bytes?.length ?? 0
    return bytes
  }

  override unread(): void {
    this.#at = this.#before
  }

  override get streaming(): boolean {
    return true
  }

  override returned(bytes: Uint8Array): void {
    this.#at -= bytes.length
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#output.wait(wake)
  }

  override ready(): Readiness {
    return { readable: this.#output.readable(this.#at), writable: false, hangup: false }
  }

  override watch(changed: () => void): Cancel {
    return this.#output.watch(changed)
  }
}

/** The job has no such output. */
const noOutput: Output = {
  open: () => new TextHandle(''),
  discard: () => {},
  scrub: () => {},
  release: () => {},
}
