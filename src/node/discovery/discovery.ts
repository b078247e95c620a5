/**
 * Finds other servers for this one: only to join them; who is a member, membership says. A server calls while it is alone, first often, then
 * ever more rarely; one that has company is silent, but for one in each circuit, which calls ever more rarely too, in the end once a
 * minute: circuits that have never known of each other find together, and so do those that came about when many servers started at once.
 */
import type { Cancel } from '../handle.ts'
import type { Found } from './caller.ts'

/** Between calls, in ms, then always the last: of a server that is alone, and of the one that calls for a whole circuit. */
const PAUSES_MS = {
  alone: [100, 300, 600, 1000, 2000, 4000, 8000, 15_000],
  caller: [2000, 5000, 15_000, 30_000, 60_000],
} as const

/** A way to find servers, and to be found. */
export interface Way {
  /** Can be found from now on, and tells of each server that it finds. @throws Error when that is not possible here */
  start(onFound: (found: Found) => void): Promise<void>
  /** Asks who is there. */
  call(): void
  /** Settles when others know that this server can't be found any more. */
  stop(): Promise<void>
}

export interface DiscoveryOptions {
  readonly ways: readonly Way[]
  readonly self: () => Found
  readonly members: { size(): number; knows(id: string): boolean; isFirst(): boolean }
  /** Makes one circuit of this one and another's server; may fail. */
  readonly join: (found: Found) => Promise<void>
  readonly log: (text: string) => void
}

/** Alone; the one that calls for its circuit; another of that circuit. */
type Role = 'alone' | 'caller' | 'silent'

export class Discovery {
  readonly #options: DiscoveryOptions
  /** Servers that are being joined. */
  readonly #joining = new Set<string>()
  /** Those of which it was told that they could not be joined. */
  readonly #failed = new Set<string>()
  #calls = 0
  #cancel: Cancel | undefined
  #waitsAs: Role | undefined

  constructor(options: DiscoveryOptions) {
    this.#options = options
  }

  /** @throws Error when a way is not possible here */
  async start(): Promise<void> {
    for (const way of this.#options.ways) await way.start((found) => void this.#found(found))
    this.#turn()
  }

  /** The members have changed: who is alone from now on calls again. */
  changed(): void {
    // Whose role is the same goes on waiting: where servers come and go all the time it would never call.
    if (this.#cancel === undefined || this.#role === this.#waitsAs) return
    this.#calls = 0
    this.#cancel()
    this.#wait()
  }

  async stop(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    await Promise.all(this.#options.ways.map((way) => way.stop()))
  }

  #turn(): void {
    if (this.#role !== 'silent') for (const way of this.#options.ways) way.call()
    this.#calls++
    this.#wait()
  }

  #wait(): void {
    const role = this.#role
    // Who is silent has no timer.
    const timer =
      role === 'silent'
        ? undefined
        : setTimeout(() => this.#turn(), pauseOf(role, this.#calls) * (0.75 + Math.random() / 2)).unref()
    this.#cancel = () => clearTimeout(timer)
    this.#waitsAs = role
  }

  get #role(): Role {
    const { members } = this.#options
    if (members.size() === 1) return 'alone'
    return members.isFirst() ? 'caller' : 'silent'
  }

  async #found(found: Found): Promise<void> {
    const { members, self, join, log } = this.#options
    if (found.id === self().id || members.knows(found.id) || this.#joining.has(found.id)) return
    // One that leads to the others is enough.
    if (this.#joining.size > 0 && members.size() === 1) return
    this.#joining.add(found.id)
    try {
      await join(found)
      this.#failed.delete(found.id)
    } catch (error) {
      if (!this.#failed.has(found.id))
        log(
          `can't join ${found.id} at ${found.address}: ${error instanceof Error ? error.message : String(error)}`,
        )
      this.#failed.add(found.id)
    } finally {
      this.#joining.delete(found.id)
    }
  }
}

function pauseOf(role: keyof typeof PAUSES_MS, calls: number): number {
  const pauses = PAUSES_MS[role]
  return pauses[Math.min(calls, pauses.length - 1)] ?? 0
}
