/**
 * Where calls block. Elements answer "not now"; a blocking call tries again whenever its handle says that it is worth it, until
 * it is done, fails, or is interrupted. The kernel's view and the connections to other servers both block with this.
 */
import { CircuitError } from '../proto/errors.ts'
import type { Cancel, Direction, Handle } from './handle.ts'

/** What came of trying: it has answered, a part is done and the rest is to be tried, or it has to wait. */
export type Progress = 'done' | 'again' | 'wait'

/** A call, and how it is answered: exactly one of done (by step), settle and fail comes, once. */
export interface Call {
  /** Tries. @throws CircuitError */
  step(): Progress
  /** The caller waits where it has to; otherwise it is told EAGAIN. */
  readonly waits: boolean
  /** It is going to wait: bytes that belong to somebody else must be kept. */
  park?(): void
  /** Answers with what was done so far; false when that is nothing. */
  settle?(): boolean
  fail(error: unknown): void
}

export class BlockingCall {
  readonly #handle: Handle
  readonly #direction: Direction
  readonly #call: Call
  #cancel: Cancel | undefined
  #over = false
  /** What becomes of it is being asked: with the answer it ends. */
  #interrupted = false

  constructor(handle: Handle, direction: Direction, call: Call) {
    this.#handle = handle
    this.#direction = direction
    this.#call = call
    this.#attempt()
  }

  /** It has been answered. */
  get over(): boolean {
    return this.#over
  }

  /** A signal, or its like: it ends now, and what it had not done is not done. */
  interrupt(): void {
    this.#giveUp('EINTR')
  }

  /** Nobody is interested in its answer any more. */
  cancel(): void {
    this.#over = true
    this.#cancel?.()
  }

  #attempt(): void {
    try {
      for (;;) {
        const result = this.#call.step()
        if (result === 'done') return this.#end()
        if (this.#interrupted) return this.#settle('EINTR')
        if (result === 'again') continue
        if (!this.#call.waits && !this.#handle.distant) return this.#giveUp('EAGAIN')
        this.#call.park?.()
        let waiting = false
        let woken = false
        this.#cancel = this.#handle.wait(this.#direction, () => {
          woken = true
          if (waiting && !this.#over) this.#attempt()
        })
        waiting = true
        if (!woken) return
      }
    } catch (error) {
      this.#end()
      // What was done before an error counts; the error comes again at the next call.
      if (!(error instanceof CircuitError && this.#call.settle?.())) this.#call.fail(error)
    }
  }

  #giveUp(code: 'EINTR' | 'EAGAIN'): void {
    if (this.#over) return
    const verdict = this.#handle.interrupt(this.#direction)
    if (verdict === 'later') {
      this.#interrupted = true
      return
    }
    this.#cancel?.()
    if (verdict === 'keep') return this.#settle(code)
    this.#end()
    this.#call.fail(new CircuitError(code))
  }

  /** Ends with what was done so far, or, where that is nothing, with an error. */
  #settle(code: 'EINTR' | 'EAGAIN'): void {
    this.#end()
    if (!this.#call.settle?.()) this.#call.fail(new CircuitError(code))
  }

  #end(): void {
    this.#over = true
  }
}
