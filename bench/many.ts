/** Many hosts, for the time of a function, and what is measured on them: what happens to one, and when all others know. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Listener, type Said, type What } from '../test/network/said.ts'
import { seen } from '../test/network/seen.ts'
import { type Host, type Network, type NetworkOptions, network } from '../test/network.ts'
import { ifStopped } from './programs.ts'
import { type Fact, fact } from './report.ts'

/** Servers that are told nothing but a multicast group. */
export const BEACON: NetworkOptions = { servers: false, args: ['-discover', '228.8.8.8:7711'] }
/** So long after the last event every view must be equal and right, in ms. */
export const RIGHT_MS = 10_000
/** A listing that is looked at because all servers have said that it is right must be right within so many ms. */
const LISTED_MS = 2000

export class Many {
  readonly hosts: readonly Host[]
  readonly network: Network
  readonly listener = new Listener()
  /** What was not as it should be, in words. */
  readonly wrong: string[] = []

  constructor(network: Network) {
    this.network = network
    this.hosts = network.hosts
  }

  get running(): readonly Host[] {
    return this.hosts.filter(({ running }) => running)
  }

  others(host: Host): readonly Host[] {
    return this.running.filter((other) => other !== host)
  }

  /** Whose turn it is in a round. */
  victim(round: number): Host {
    const host = this.hosts[round % this.hosts.length]
    if (host === undefined) throw new Error('there are no hosts')
    return host
  }

  start(host: Host, args: readonly string[] = []): Promise<unknown> {
    return host.start({ args, ...this.listener.on(host) })
  }

  /** Starts a server; says how long it took until all list it and it lists all, from three moments on. */
  async timedStart(host: Host): Promise<StartTimes> {
    const before = performance.now()
    const others = this.running
    await this.start(host)
    const said = performance.now()
    const { Joined } = JSON.parse(await readFile(join(host.self, 'peek'), 'utf8'))
    const created = Date.parse(Joined) - performance.timeOrigin
    const ends = [await this.listener.all(others, ['joined'], host.id, before)]
    for (const { id } of others) ends.push(await this.listener.all([host], ['joined'], id, before))
    const end = Math.max(...ends)
    await this.check(`after the start of ${host.name}`)
    return { exec: end - before, created: end - created, said: Math.max(0, end - said) }
  }

  /** Until all others say that a server is gone, in ms since a time; then their listings are looked at. */
  async gone(host: Host, what: What, since: number): Promise<number> {
    const others = this.others(host)
    const end = await this.listener.all(others, [what], host.id, since)
    await this.check(`after ${host.name} ${what}`, others, others)
    return end - since
  }

  /** Looks at the listings of all hosts: in time they must be right. Gives the ms that it took. */
  async check(
    when: string,
    observers = this.running,
    expected = this.running,
    limit = LISTED_MS,
  ): Promise<number> {
    try {
      return await seen(observers, expected, limit)
    } catch {
      const views = await Promise.all(observers.map(async (host) => difference(host, expected)))
      this.wrong.push(`${when}: not all list all within ${limit} ms: ${views.filter(Boolean).join('; ')}`)
      return limit
    }
  }

  /** Those of whom one of these hosts has said since a time that they are lost, though they were not. */
  dropped(
    observers: readonly Host[],
    since: number,
    isLost: (said: Said) => boolean = () => false,
  ): string[] {
    return observers.flatMap((observer) =>
      this.listener
        .of(observer, since)
        .filter((said) => said.what === 'is lost' && !isLost(said))
        .map(({ id }) => `${observer.name} dropped ${this.hosts.find((host) => host.id === id)?.name ?? id}`),
    )
  }
}

/** What is wrong with a host's listing, in words; '' for nothing. */
async function difference({ name, mount }: Host, expected: readonly Host[]): Promise<string> {
  const listed = (await readdir(mount)).filter((entry) => entry.startsWith('X'))
  const lacks = expected.filter(({ id }) => !listed.includes(id)).map((host) => host.name)
  const more = listed.filter((id) => expected.every((host) => host.id !== id))
  return lacks.length + more.length === 0
    ? ''
    : `${name} lacks ${lacks.join(' ') || 'none'} and lists ${more.length} more`
}

/** Until a start is seen everywhere, in ms: since exec, since Node had loaded the server, since it said that it is there. */
export interface StartTimes {
  readonly exec: number
  readonly created: number
  readonly said: number
}

/** Makes so many hosts; by default their servers run, and have found each other. */
export async function withMany<T>(
  size: number,
  fn: (many: Many) => Promise<T>,
  options: NetworkOptions & { readonly running?: boolean } = {},
): Promise<T> {
  const downs: (() => void | Promise<void>)[] = []
  const takeDown = async (): Promise<void> => {
    for (const down of downs.splice(0).reverse()) await down()
  }
  let many: Many | undefined
  // There is no time to wait then: servers unmount by themselves, and the network ends with this process.
  const withdraw = ifStopped(() => {
    for (const { server } of many?.running ?? [])
      for (const signal of ['SIGCONT', 'SIGTERM'] as const) server.child.kill(signal)
  })
  try {
    const made = new Many(
      await network({ teardown: (down) => void downs.push(down) }, size, { ...BEACON, ...options }),
    )
    many = made
    if (options.running !== false) {
      await Promise.all(made.hosts.map((host) => made.start(host)))
      await seen(made.hosts, made.hosts, 60_000)
    }
    return await fn(made)
  } finally {
    await takeDown()
    withdraw()
  }
}

/** Median and worst of some times in ms. */
export function distribution(
  what: string,
  times: readonly number[],
  median?: number,
  worst?: number,
): Fact[] {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (place: number): number => sorted.at(place) ?? Number.NaN
  const limit = (most: number | undefined): { most?: number } => (most === undefined ? {} : { most })
  return [
    fact(`${what}: median of ${times.length}`, at(Math.floor(sorted.length / 2)), 'ms', limit(median)),
    fact(`${what}: worst`, at(-1), 'ms', limit(worst)),
  ]
}
