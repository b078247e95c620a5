/**
 * Looks for members that are lost, now and then, ever more rarely: when a partition ends, one that is found is enough for both sides
 * to merge.
 */
import type { Cancel } from '../handle.ts'
import { after, type Environment, sample } from './environment.ts'
import type { Destination, Message } from './messages.ts'
import type { Roster } from './roster.ts'
import { searchDelay, type Timing } from './timing.ts'

export interface SearcherOptions {
  readonly environment: Environment
  readonly timing: Timing
  readonly roster: Roster
  readonly send: (to: Destination, message: Message) => void
}

export class Searcher {
  readonly #options: SearcherOptions
  #lastLoss = Number.NEGATIVE_INFINITY
  #cancel: Cancel | undefined

  constructor(options: SearcherOptions) {
    this.#options = options
  }

  /** A member was lost at some time. */
  lost(when: number): void {
    this.#lastLoss = Math.max(this.#lastLoss, when)
    this.#cancel?.()
    this.#wait()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #wait(): void {
    const { environment, timing } = this.#options
    const delay = searchDelay(timing, environment.now() - this.#lastLoss)
    // Not all at the same time.
    this.#cancel = after(environment, delay * (0.75 + environment.random() / 2), () => this.#look())
  }

  #look(): void {
    const { environment, roster, send } = this.#options
    this.#cancel = undefined
    const [member] = sample(environment, roster.lost, 1)
    if (member === undefined) return
    send(member.info, { kind: 'ping', seq: 0 })
    this.#wait()
  }
}
