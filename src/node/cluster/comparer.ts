/**
 * Compares whole views: page by page, from one server, on joining it and where digests differ though no news are on their way. A
 * page is one datagram that answers one datagram: what is lost is asked for again, and nobody can be made to send much.
 */
import type { Cancel } from '../handle.ts'
import { after, type Environment } from './environment.ts'
import type { Destination, Message, ServerRecord } from './messages.ts'
import type { Roster } from './roster.ts'
import { compareInterval, type Timing } from './timing.ts'

export interface ComparerOptions {
  readonly environment: Environment
  readonly timing: Timing
  readonly roster: Roster
  readonly send: (to: Destination, message: Message) => void
  /** Another's view of a server; `spread`: others whom this server knows may not have it. */
  readonly onRecord: (record: ServerRecord, from: string, spread: boolean) => void
  /** Whether news are on their way. */
  readonly busy: () => boolean
}

interface Pull {
  readonly from: Destination
  readonly spread: boolean
  readonly done: (complete: boolean) => void
  after: string
  tries: number
  cancel: Cancel
}

/** A page is asked for so many times. */
const TRIES = 5

export class Comparer {
  readonly #options: ComparerOptions
  #pull: Pull | undefined
  #last = Number.NEGATIVE_INFINITY
  #differsSince: number | undefined

  constructor(options: ComparerOptions) {
    this.#options = options
  }

  /** A member's digest has come. `new`: it was not there before. */
  heard(from: Destination, digest: number, fresh: boolean): void {
    const { environment, timing, roster, busy } = this.#options
    if (digest === roster.digest) {
      this.#differsSince = undefined
      return
    }
    const now = environment.now()
    this.#differsSince ??= now
    if (this.#pull) return
    const settled = !busy() && now - this.#differsSince >= timing.settleTime
    const rested = now - this.#last >= (fresh ? timing.gossipInterval : compareInterval(timing, roster.size))
    if (rested && (settled || fresh)) this.pull(from)
  }

  /** Asks for a server's whole view. `done`, if it was not asked for another's meanwhile, says whether all came. */
  pull(from: Destination, done: (complete: boolean) => void = () => {}): void {
    this.#end(false)
    const { environment, roster } = this.#options
    this.#last = environment.now()
    const others = roster.live.some(({ info }) => info.id !== from.id)
    this.#pull = {
      from,
      spread: others,
      done,
      after: '',
      tries: 0,
      cancel: () => {},
    }
    this.#ask(this.#pull)
  }

  stop(): void {
    this.#end(false)
  }

  onPull(from: Destination, start: string): void {
    const { environment, roster, send } = this.#options
    send(from, { kind: 'page', after: start, ...roster.page(start, environment.now()) })
  }

  onPage(from: string, page: Extract<Message, { kind: 'page' }>): void {
    const pull = this.#pull
    if (pull?.from.id !== from || page.after !== pull.after) return
    for (const record of page.records) this.#options.onRecord(record, from, pull.spread)
    if (this.#pull !== pull) return
    if (page.next <= pull.after) return this.#end(page.next === '')
    pull.after = page.next
    pull.tries = 0
    pull.cancel()
    this.#ask(pull)
  }

  #ask(pull: Pull): void {
    const { environment, timing, send } = this.#options
    if (pull.tries++ === TRIES) return this.#end(false)
    pull.cancel = after(environment, timing.ackTimeout, () => this.#ask(pull))
    send(pull.from, { kind: 'pull', after: pull.after })
  }

  #end(complete: boolean): void {
    const pull = this.#pull
    if (pull === undefined) return
    this.#pull = undefined
    pull.cancel()
    pull.done(complete)
  }
}
