/** How soon all hosts see what happens to one, and what it costs when nothing does. `--hosts 3,10,30`: with so many. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../test/network.ts'
import { cuts, kills, stops } from '../endurance/ends.ts'
import { wrongs } from '../endurance/histories.ts'
import { withMany } from '../many.ts'
import { type Fact, fact, type Group } from '../report.ts'

/** For what the start of a server leaves to be done. */
const SETTLE_MS = 3000
const IDLE_S = 20

export const membership: Group = {
  name: 'membership',
  title: 'Membership: how soon the slowest of all hosts sees it',
  async run(rounds, { hosts }) {
    const facts: Fact[] = []
    for (const size of hosts)
      await withMany(size, async (many) => {
        await sleep(SETTLE_MS)
        facts.push(...(await idleFacts(many.hosts)))
        for (const part of [kills, stops, cuts]) facts.push(...(await part(many, rounds)))
        facts.push(...wrongs(many, 'in all'))
      })
    return { comparisons: [], facts }
  },
}

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
