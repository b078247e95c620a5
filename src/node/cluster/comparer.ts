/**
 * Compares whole views: page by page, from one server, on joining it and where digests differ though no news are on their way. A
 * page is one datagram that answers one datagram: what is lost is asked for again, and nobody can be made to send much.
 *
 * Of a large view several parts are asked for at the same time. Identities are random, so the first page, by where it ends, says
 * how many pages there are, and where the rest can be cut into equal parts.
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
  /** Those that have not come to their ends. */
  readonly parts: Set<Part>
}

/** Of the identities after one, up to another, or to the last of all where that is ''. */
interface Part {
  after: string
  readonly end: string
  tries: number
  cancel: Cancel
}

/** A page is asked for so many times. */
const TRIES = 5
/** Parts of a view that are asked for at the same time, and pages that must be left for each. */
const MAX_PARTS = 16
const LEAST_PAGES = 2

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
    this.#pull = { from, spread: others, done, parts: new Set() }
    roster.awaitMany()
    this.#begin(this.#pull, '', '')
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
    if (pull?.from.id !== from) return
    const part = [...pull.parts].find(({ after }) => after === page.after)
    if (part === undefined) return
    for (const record of page.records) this.#options.onRecord(record, from, pull.spread)
    if (this.#pull !== pull) return
    part.cancel()
    pull.parts.delete(part)
    const { next } = page
    // Who does not go on from where it was asked could be asked for ever.
    if (next !== '' && next <= page.after) return this.#end(false)
    const starts = page.after === '' ? [next, ...cuts(next)] : [next]
    for (const [n, start] of starts.entries())
      if (start !== '' && (part.end === '' || start < part.end))
        this.#begin(pull, start, starts[n + 1] ?? part.end)
    if (pull.parts.size === 0) this.#end(true)
  }

  #begin(pull: Pull, start: string, end: string): void {
    const part: Part = { after: start, end, tries: 0, cancel: () => {} }
    pull.parts.add(part)
    this.#ask(pull, part)
  }

  #ask(pull: Pull, part: Part): void {
    const { environment, timing, send } = this.#options
    if (part.tries++ === TRIES) return this.#end(false)
    part.cancel = after(environment, timing.ackTimeout, () => this.#ask(pull, part))
    send(pull.from, { kind: 'pull', after: part.after })
  }

  #end(complete: boolean): void {
    const pull = this.#pull
    if (pull === undefined) return
    this.#pull = undefined
    this.#options.roster.awaitFew()
    for (const { cancel } of pull.parts) cancel()
    pull.done(complete)
  }
}

/** Identities that cut into equal parts what comes after the one with which the first page has ended. */
function cuts(first: string): string[] {
  if (first === '') return []
  // X and 64 bits: of these the upper 32 are more than enough.
  const start = Number.parseInt(first.slice(1, 9), 16)
  const all = 2 ** 32
  const parts = Math.min(MAX_PARTS, Math.floor((all - start) / Math.max(1, start) / LEAST_PAGES))
  const at = (n: number): number => Math.floor(start + ((all - start) * n) / parts)
  return Array.from({ length: Math.max(0, parts - 1) }, (_, n) => {
    return `X${at(n + 1)
      .toString(16)
      .padStart(8, '0')}${'0'.repeat(8)}`
  })
}
