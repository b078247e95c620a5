/** How soon all hosts see what happens to one, and what it costs when nothing does. `--hosts 3,10,30`: with so many. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Host } from '../../test/network.ts'
import { cuts, kills, stops } from '../endurance/ends.ts'
import { wrongs } from '../endurance/histories.ts'
import { withMany } from '../many.ts'
import { end, type Running, ready, start } from '../programs.ts'
import { type Fact, fact, type Group } from '../report.ts'

/** For what the start of a server leaves to be done: garbage, and code that V8 compiles while it is used. */
const SETTLE_MS = 60_000
const IDLE_S = 30
const PAIR = fileURLToPath(new URL('../pair.js', import.meta.url))
const PAIR_PORTS = ['11097', '11098']
const SEALED_PAIR_PORTS = ['11095', '11096']

export const membership: Group = {
  name: 'membership',
  title: 'Membership: how soon the slowest of all hosts sees it',
  async run(rounds, { hosts }) {
    const facts: Fact[] = []
    for (const size of hosts)
      await withMany(size, async (many) => {
        facts.push(...(await idleFacts(many.hosts)))
        for (const part of [kills, stops, cuts]) facts.push(...(await part(many, rounds)))
        facts.push(...wrongs(many, 'in all'))
      })
    return { comparisons: [], facts }
  },
}

async function idleFacts(hosts: readonly Host[]): Promise<Fact[]> {
  const pair = await startPair(PAIR_PORTS)
  const sealed = await startPair(SEALED_PAIR_PORTS, 'sealed')
  try {
    await sleep(SETTLE_MS)
    const all = async () => ({
      servers: await Promise.all(hosts.map(usage)),
      pair: pair.map(cpuMs),
      sealed: sealed.map(cpuMs),
    })
    const before = await all()
    await sleep(IDLE_S * 1000)
    const after = await all()
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length
    const each = (pick: (usage: Usage) => number): number =>
      mean(after.servers.map((usage, n) => pick(usage) - pick(before.servers[n] ?? usage))) / IDLE_S
    const ofPair = (which: 'pair' | 'sealed'): number =>
      mean(after[which].map((ms, n) => ms - (before[which][n] ?? ms))) / IDLE_S / 10
    const what = `idle, ${hosts.length} hosts`
    const largest = Math.max(...after.servers.map(({ mb }) => mb))
    return [
      fact(
        `${what}: datagrams a server sends a second`,
        each(({ sent }) => sent),
        '',
        { most: 4 },
      ),
      fact(`${what}: CPU of a server`, each(({ cpu }) => cpu) / 10, '%', { most: 0.1 }),
      fact(`${what}: CPU of a bare Node that sends and gets as many`, ofPair('pair'), '%'),
      fact(`${what}: the same of one that seals and opens them too`, ofPair('sealed'), '%'),
      fact(`${what}: resident memory of the largest`, largest, 'MB', { most: 70 }),
    ]
  } finally {
    await Promise.all([...pair, ...sealed].map(end))
  }
}

async function startPair(ports: readonly string[], ...words: string[]): Promise<Running[]> {
  const pair = [ports, ports.toReversed()].map((ports) => start([process.execPath, PAIR, ...ports, ...words]))
  for (const running of pair) await ready('the pair', running, () => running.output.stdout.includes('ready'))
  return pair
}

interface Usage {
  readonly sent: number
  /** CPU time in ms. */
  readonly cpu: number
  readonly mb: number
}

async function usage({ server, run }: Host): Promise<Usage> {
  const metrics = (await run('cat $S/metrics')).stdout
  const value = (name: string): number =>
    Number(new RegExp(`^circuit_${name} (\\S+)`, 'm').exec(metrics)?.[1])
  return {
    sent: value('datagrams_sent_total'),
    cpu: cpuMs(server),
    mb: value('resident_memory_bytes') / 1e6,
  }
}

/** Of all its threads. /proc/PID/schedstat: ns on a CPU. */
const cpuMs = ({ child: { pid } }: Pick<Running, 'child'>): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const [ns] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')
    return sum + Number(ns) / 1e6
  }, 0)
