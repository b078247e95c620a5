/** A job's stdin: what is written goes into it at once, and waits when it is full. */
import { CircuitError } from '../../../proto/errors.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  type Handle,
  type OpenMode,
  type Readiness,
} from '../../handle.ts'
import { WaitQueue, Watchers } from '../../wait-queue.ts'
import type { Sink } from './streams.ts'

export class Input {
  readonly #sink: Sink
  #state: 'open' | 'ended' | 'scrubbed' = 'open'
  /** Open files that are the whole input: the last close ends it. */
  #wholes = 0
  readonly #writers = new WaitQueue()
  readonly #watchers = new Watchers()

  constructor(sink: Sink) {
    this.#sink = sink
    sink.listen(() => this.#changed())
  }

  open(mode: OpenMode): Handle {
    return new InputHandle(this, mode)
  }

  /** The job sees the end of its input once what was accepted has reached it. */
  end(): void {
    this.#stop('ended')
    this.#sink.end()
  }

  /** The job has gone. */
  close(): void {
    this.#stop('ended')
    this.#sink.close()
  }

  /** The job lives on, and its input stays open, but nobody can write to it any more. */
  scrub(): void {
    this.#stop('scrubbed')
  }

  #stop(state: 'ended' | 'scrubbed'): void {
    if (this.#state !== 'scrubbed') this.#state = state
    this.#changed()
  }

  #changed(): void {
    this.#writers.wakeWhile(() => this.writable)
    this.#watchers.notify()
  }

  // What writers use.

  addWhole(): void {
    this.#wholes++
  }

  removeWhole(): void {
    if (--this.#wholes === 0) this.end()
  }

  get accepting(): boolean {
    return this.#state === 'open' && !this.#sink.closed
  }

  get writable(): boolean {
    return !this.accepting || !this.#sink.full
  }

  write(bytes: Uint8Array): number | undefined {
    if (this.#state === 'scrubbed') throw new CircuitError('ECANCELED')
    if (!this.accepting)
      throw new CircuitError('EPIPE', 'the standard input is closed, or the process has gone')
    return this.#sink.write(bytes)
  }

  wait(wake: () => void): Cancel {
    return this.#writers.add(wake)
  }

  watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }
}

/** An open `stdin`: with `>` the whole input, with `>>` a part of it. */
class InputHandle extends BaseHandle {
  readonly #input: Input
  readonly #append: boolean
  #whole = false

  constructor(input: Input, mode: OpenMode) {
    super()
    this.#input = input
    this.#append = mode.append
    if (mode.truncate) this.#beWhole()
  }

  #beWhole(): void {
    if (this.#whole || this.#append) return
    this.#whole = true
    this.#input.addWhole()
  }

  override write(bytes: Uint8Array): number | undefined {
    this.#beWhole()
    return this.#input.write(bytes)
  }

  override get gradual(): boolean {
    return true
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#input.wait(wake)
  }

  override ready(): Readiness {
    return { readable: false, writable: this.#input.writable, hangup: !this.#input.accepting }
  }

  override watch(changed: () => void): Cancel {
    return this.#input.watch(changed)
  }

  override close(): void {
    if (this.#whole) this.#input.removeWhole()
  }
}
