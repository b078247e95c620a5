/** Membership in the real world: the state machine (swim.ts) with this process's clock, chance, timers and datagrams. */
import type { Cancel } from '../handle.ts'
import type { Metric } from '../metrics.ts'
import type { Key } from '../peer/key.ts'
import { Datagrams } from './datagrams.ts'
import type { Environment } from './environment.ts'
import type { Info } from './messages.ts'
import type { Member } from './roster.ts'
import { type Departure, Swim } from './swim.ts'
import { LAN, type Timing } from './timing.ts'

export interface MembershipOptions {
  readonly id: string
  /** None: datagrams go in the clear. */
  readonly keys: readonly Key[]
  readonly timing?: Timing
  readonly onJoined: (info: Info) => void
  readonly onGone: (info: Info, how: Departure) => void
}

/** How long gossip goes on after a server has said that it leaves, in ms: two rounds. */
const LEAVE_ROUNDS = 2

export class Membership {
  readonly #options: MembershipOptions
  readonly #timing: Timing
  readonly #datagrams: Datagrams
  #swim: Swim | undefined
  /** One joins after the other. */
  #joining: Promise<unknown> = Promise.resolve()

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#timing = options.timing ?? LAN
    this.#datagrams = new Datagrams({
      id: options.id,
      keys: options.keys,
      onPacket: (from, packet) => this.#swim?.receive(from, packet),
    })
  }

  /** Listens, and is a circuit of one from then on. @throws Error when the port is not to be had */
  async start(self: Info, host: string, port: number): Promise<void> {
    await this.#datagrams.bind(host, port)
    const { onJoined, onGone } = this.#options
    this.#swim = new Swim({ self, timing: this.#timing, environment: this.#environment(), onJoined, onGone })
  }

  /** Live servers other than this one. */
  get live(): readonly Member[] {
    return this.#swim?.live ?? []
  }

  get(id: string): Member | undefined {
    return this.#swim?.get(id)
  }

  /** This server's own: how often it has refuted its end, and how badly it hears others (0 is well). */
  get condition(): { readonly incarnation: number; readonly awareness: number } {
    return { incarnation: this.#swim?.incarnation ?? 0, awareness: this.#swim?.awareness ?? 0 }
  }

  /** Makes the circuit of a server and this one's one. Says whether the server answered. */
  join(info: Info): Promise<boolean> {
    const joined = this.#joining.then(
      () => new Promise<boolean>((resolve) => (this.#swim ? this.#swim.join(info, resolve) : resolve(false))),
    )
    this.#joining = joined
    return joined
  }

  /** The connection to a server broke: is it still there? */
  check(id: string): void {
    this.#swim?.check(id)
  }

  /** Tells the others that this server leaves; settles when they should have heard of it. */
  async leave(): Promise<void> {
    const swim = this.#swim
    if (swim === undefined || swim.live.length === 0) return
    swim.leave()
    await new Promise((resolve) => setTimeout(resolve, LEAVE_ROUNDS * this.#timing.gossipInterval))
  }

  close(): void {
    this.#swim?.stop()
    this.#datagrams.close()
  }

  metrics(): readonly Metric[] {
    const states = { alive: 1, suspect: 0, lost: this.#swim?.lost.length ?? 0 }
    for (const { state } of this.live) states[state === 'suspect' ? 'suspect' : 'alive']++
    return [
      {
        name: 'members',
        type: 'gauge',
        help: 'Servers by state, this one with them; lost ones are looked for.',
        value: { label: 'state', values: states },
      },
      {
        name: 'membership_awareness',
        type: 'gauge',
        help: 'How badly this server hears others: 0 is well, 8 is worst.',
        value: this.condition.awareness,
      },
      ...this.#datagrams.metrics(),
    ]
  }

  #environment(): Environment {
    return {
      now: () => performance.now(),
      random: Math.random,
      schedule: (delay, run): Cancel => {
        const timer = setTimeout(run, delay).unref()
        return () => clearTimeout(timer)
      },
      send: (to, packet) => this.#datagrams.send(to, packet),
      knock: (to, refused) => void this.#datagrams.knock(to, refused),
    }
  }
}
