/**
 * The benchmark: ratios to floors and peers, ours and theirs alternating in one run.
 *
 *   npm run bench                        all groups, in about seven minutes
 *   npm run bench -- GROUP...            some: calls transfers listing streams messages processes containers client hosts dns idle
 *                                        membership simulation, and endurance, which takes long and must be named
 *   npm run bench -- --rounds N          each comparison so often, instead of five times
 *   npm run bench -- --json FILE         what was measured, as JSON, too
 *   npm run bench -- membership --hosts 3,10,30         on so many hosts, one network after the other; default 3,10
 *   npm run bench -- simulation --servers 100,1000,10000    of so many servers; default 100
 *   npm run bench -- endurance --parts kills,storm      only these
 *
 * It prints Markdown: a table a group, with the median of the rounds' ratios and their spread, and whether targets are
 * met. Exit status 0: all met; 1: some missed, or it failed; 2: wrong usage.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildFloors } from './floors.ts'
import { calls } from './groups/calls.ts'
import { client } from './groups/client.ts'
import { containers } from './groups/containers.ts'
import { dns } from './groups/dns.ts'
import { endurance } from './groups/endurance.ts'
import { hosts } from './groups/hosts.ts'
import { idle } from './groups/idle.ts'
import { listing } from './groups/listing.ts'
import { membership } from './groups/membership.ts'
import { messages } from './groups/messages.ts'
import { processes } from './groups/processes.ts'
import { simulation } from './groups/simulation.ts'
import { streams } from './groups/streams.ts'
import { transfers } from './groups/transfers.ts'
import {
  DEFAULT_ROUNDS,
  type Findings,
  type Group,
  jsonReport,
  machine,
  machineLine,
  markdown,
  missed,
} from './report.ts'

const GROUPS: readonly Group[] = [
  calls,
  transfers,
  listing,
  streams,
  messages,
  processes,
  containers,
  client,
  hosts,
  dns,
  idle,
  membership,
  simulation,
  endurance,
]
/** Whatever hangs, the benchmark does not: so long may it take a round; and those that take long, for each size. */
const LIMIT_MS = 2 * 60_000
const LONG_LIMIT_MS = 30 * 60_000
/** A simulated server, among 10,000. */
const SIMULATED_LIMIT_MS = 300

function chosen(names: readonly string[]): readonly Group[] {
  const unknown = names.filter((name) => !GROUPS.some((group) => group.name === name))
  if (unknown.length === 0)
    return GROUPS.filter(({ name, parts }) =>
      names.length === 0 ? parts === undefined : names.includes(name),
    )
  console.error(
    `bench: no group ${unknown.join(', ')}; there are ${GROUPS.map(({ name }) => name).join(' ')}`,
  )
  process.exit(2)
}

const OPTIONS = {
  json: { type: 'string' },
  rounds: { type: 'string' },
  hosts: { type: 'string', default: '3,10' },
  servers: { type: 'string', default: '100' },
  parts: { type: 'string' },
} as const

const numbers = (text: string): number[] => text.split(',').map(Number)

/** Words of an option that must be some of these. */
function someOf(all: readonly string[], text: string | undefined): readonly string[] {
  const chosen = text?.split(',') ?? all
  const unknown = chosen.filter((word) => !all.includes(word))
  if (unknown.length === 0) return chosen
  console.error(`bench: no part ${unknown.join(', ')}; there are ${all.join(' ')}`)
  process.exit(2)
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS })
  const groups = chosen(positionals)
  const rounds = Number(values.rounds ?? DEFAULT_ROUNDS)
  const parts = someOf(
    groups.flatMap(({ parts = [] }) => parts),
    values.parts,
  )
  const scale = { hosts: numbers(values.hosts), servers: numbers(values.servers), parts }
  const long = parts.length > 0 ? LONG_LIMIT_MS * scale.hosts.length : 0
  const simulated = scale.servers.reduce((sum, size) => sum + size, 0) * SIMULATED_LIMIT_MS
  const limit = Math.max(rounds, DEFAULT_ROUNDS) * LIMIT_MS + long + simulated
  const watchdog = setTimeout(() => {
    console.error(`bench: took longer than ${limit / 60_000} minutes`)
    process.exit(1)
  }, limit)
  await buildFloors()
  const before = machine()
  console.log(`${machineLine(before)}\n`)
  const all: Findings[] = []
  for (const group of groups) {
    const findings = await group.run(rounds, scale)
    process.stdout.write(`## ${group.title}\n\n${markdown(findings)}\n`)
    all.push(findings)
  }
  clearTimeout(watchdog)
  if (values.json !== undefined) writeFileSync(values.json, jsonReport(before, all))
  for (const name of all.flatMap(missed)) console.error(`bench: target missed: ${name}`)
  process.exitCode = all.some((findings) => missed(findings).length > 0) ? 1 : 0
}

await main()
