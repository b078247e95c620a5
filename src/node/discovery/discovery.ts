/**
 * Finds other servers for this one: only to join them; who is a member, membership says. A server calls while it is alone, first often, then
 * ever more rarely; one that has company is silent, but for one in each circuit, which calls once a minute: circuits
 * that have never known of each other find together too.
 */
import type { Cancel } from '../handle.ts'
import type { Key } from '../peer/key.ts'
import { Answerer } from './answerer.ts'
import { Caller, type Found, type Group } from './caller.ts'

/** Between the first calls of a server that is alone, then always the last, in ms. */
const ALONE_MS = [100, 300, 600, 1000, 2000, 4000, 8000, 15_000] as const
/** Between two calls of the one that calls for a whole circuit. */
const TOGETHER_MS = 60_000

export interface DiscoveryOptions {
  readonly group: Group
  readonly interfaces: readonly string[]
  readonly keys: readonly Key[]
  readonly self: () => { readonly id: string; readonly address: string }
  readonly members: { size(): number; knows(id: string): boolean; isFirst(): boolean }
  /** Makes one circuit of this one and another's server; may fail. */
  readonly join: (found: Found) => Promise<void>
}

export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #answerer: Answerer
  readonly #caller: Caller
  /** Servers that are being joined. */
  readonly #joining = new Set<string>()
  #calls = 0
  #cancel: Cancel | undefined

  constructor(options: DiscoveryOptions) {
    const { group, interfaces, keys, self, members } = options
    this.#options = options
    this.#answerer = new Answerer({ group, interfaces, keys, self, size: members.size, knows: members.knows })
    this.#caller = new Caller({
      group,
      interfaces,
      keys,
      id: self().id,
      onFound: (found) => void this.#found(found),
    })
  }

  /** @throws Error when the group's port is not to be had */
  async start(): Promise<void> {
    await this.#answerer.start()
    this.#turn()
  }

  /** The number of members has changed: who is alone from now on calls again. */
  changed(): void {
    if (this.#cancel === undefined) return
    if (this.#options.members.size() === 1) this.#calls = 0
    this.#cancel()
    this.#wait()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#answerer.close()
    this.#caller.close()
  }

  #turn(): void {
    const { members } = this.#options
    if (members.size() === 1 || members.isFirst()) this.#caller.call()
    this.#calls++
    this.#wait()
  }

  #wait(): void {
    const { members } = this.#options
    const pause = members.size() > 1 ? TOGETHER_MS : (ALONE_MS[this.#calls] ?? ALONE_MS.at(-1) ?? TOGETHER_MS)
    // Who has company and does not call for it has no timer.
    const timer =
      members.size() > 1 && !members.isFirst()
        ? undefined
        : setTimeout(() => this.#turn(), pause * (0.75 + Math.random() / 2)).unref()
    this.#cancel = () => clearTimeout(timer)
  }

  async #found(found: Found): Promise<void> {
    const { members, self, join } = this.#options
    if (found.id === self().id || members.knows(found.id) || this.#joining.has(found.id)) return
    // One that leads to the others is enough.
    if (this.#joining.size > 0 && members.size() === 1) return
    this.#joining.add(found.id)
    await join(found).finally(() => this.#joining.delete(found.id))
  }
}
