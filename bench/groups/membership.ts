/** How soon all hosts see what happens to one, and what it costs when nothing does. CIRCUIT_HOSTS=3,10,30: with so many. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { seen } from '../../test/network/seen.ts'
import { type Host, network } from '../../test/network.ts'
import { ifStopped } from '../programs.ts'
import { type Fact, fact, type Group } from '../report.ts'

const SIZES = (process.env.CIRCUIT_HOSTS ?? '3,10').split(',').map(Number)
/** For what the start of a server leaves to be done. */
const SETTLE_MS = 3000
const IDLE_S = 20
const GROUP = ['-discover', '228.8.8.8:7711']

export const membership: Group = {
  name: 'membership',
  title: 'Membership: how soon the slowest of all hosts sees it',
  async run(rounds) {
    const facts: Fact[] = []
    for (const size of SIZES) facts.push(...(await withHosts(size, (hosts) => measure(hosts, rounds))))
    return { comparisons: [], facts }
  },
}

/** So many hosts that are told nothing but the same multicast group. */
async function withHosts<T>(size: number, fn: (hosts: readonly Host[]) => Promise<T>): Promise<T> {
  const downs: (() => void | Promise<void>)[] = []
  const takeDown = async (): Promise<void> => {
    for (const down of downs.splice(0).reverse()) await down()
  }
  const withdraw = ifStopped(() => void takeDown())
  try {
    const test = { teardown: (down: () => void | Promise<void>) => void downs.push(down) }
    const { hosts } = await network(test, size, { servers: false, args: GROUP })
    await Promise.all(hosts.map((host) => host.start()))
    await seen(hosts, hosts, 60_000)
    await sleep(SETTLE_MS)
    return await fn(hosts)
  } finally {
    await takeDown()
    withdraw()
  }
}

async function measure(hosts: readonly Host[], rounds: number): Promise<Fact[]> {
  const size = hosts.length
  const idle = await idleFacts(hosts)
  const [kills, starts, stops, cuts, heals, pauses]: number[][] = [[], [], [], [], [], []]
  for (let round = 0; round < rounds; round++) {
    const victim = hosts[round % size]
    if (victim === undefined || !kills || !starts || !stops || !cuts || !heals || !pauses) break
    const rest = hosts.filter((host) => host !== victim)
    // A time of its own in everybody's round of probes.
    await sleep(1000 * Math.random())
    await victim.server.kill()
    kills.push(await seen(rest, rest))
    await victim.start()
    starts.push(await seen(hosts, hosts))

    await sleep(1000 * Math.random())
    const stopping = victim.server.stop()
    stops.push(await seen(rest, rest))
    await stopping
    await victim.start()
    starts.push(await seen(hosts, hosts))

    await sleep(1000 * Math.random())
    await victim.cut()
    cuts.push(await seen(rest, rest))
    await victim.heal()
    heals.push(await seen(hosts, hosts))

    await sleep(1000 * Math.random())
    victim.server.child.kill('SIGSTOP')
    await seen(rest, rest)
    await sleep(5000)
    victim.server.child.kill('SIGCONT')
    pauses.push(await seen(hosts, hosts))
  }
  return [
    ...distribution(`kill -9 of 1 of ${size}`, kills, 3000, 6000),
    ...distribution(`start, ${size} hosts`, starts, 300, 1000),
    ...distribution(`orderly stop of 1 of ${size}`, stops, 300, 1000),
    ...distribution(`1 of ${size} cut off`, cuts, 5000, 10_000),
    ...distribution(`1 of ${size} back on the network`, heals),
    ...distribution(`1 of ${size} back from SIGSTOP`, pauses, 5000, 5000),
    ...idle,
  ]
}

function distribution(what: string, times: number[] = [], median?: number, worst?: number): Fact[] {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (place: number): number => sorted.at(place) ?? Number.NaN
  return [
    fact(`${what}: median of ${times.length}`, at(Math.floor(sorted.length / 2)), 'ms', limit(median)),
    fact(`${what}: worst`, at(-1), 'ms', limit(worst)),
  ]
}

const limit = (most: number | undefined): { most?: number } => (most === undefined ? {} : { most })

async function idleFacts(hosts: readonly Host[]): Promise<Fact[]> {
  const before = await Promise.all(hosts.map(usage))
  await sleep(IDLE_S * 1000)
  const after = await Promise.all(hosts.map(usage))
  const each = (pick: (usage: Usage) => number): number =>
    after.reduce((sum, usage, n) => sum + pick(usage) - pick(before[n] ?? usage), 0) / hosts.length / IDLE_S
  const size = hosts.length
  return [
    fact(
      `idle, ${size} hosts: datagrams a server sends a second`,
      each(({ sent }) => sent),
      '',
      { most: 4 },
    ),
    fact(
      `idle, ${size} hosts: CPU of a server`,
      each(({ ticks }) => ticks),
      '%',
    ),
    fact(
      `idle, ${size} hosts: resident memory of the largest`,
      Math.max(...after.map(({ mb }) => mb)),
      'MB',
      {
        most: 70,
      },
    ),
  ]
}

interface Usage {
  readonly sent: number
  /** Hundredths of a second of CPU time. */
  readonly ticks: number
  readonly mb: number
}

async function usage(host: Host): Promise<Usage> {
  const pid = host.server.child.pid ?? 0
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  const metrics = (await host.run('cat $S/metrics')).stdout
  const value = (name: string): number =>
    Number(new RegExp(`^circuit_${name} (\\S+)`, 'm').exec(metrics)?.[1])
  return {
    sent: value('datagrams_sent_total'),
    ticks: Number(stat[11]) + Number(stat[12]),
    mb: value('resident_memory_bytes') / 1e6,
  }
}
