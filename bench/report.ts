/**
 * Ratios of ours to a floor, measured in one run: rounds of the two alternate, so that a machine that is slow
 * for a while is slow for both, and the median of the rounds' ratios is what counts.
 */
import { cpus, loadavg, release } from 'node:os'

/** Median, least and greatest of some numbers. */
export type Spread = { median: number; min: number; max: number }

export type Comparison = {
  name: string
  /** Where the programs ran; empty where that does not matter. */
  where: string
  /** Of floorMedian and oursMedian, for example ops/s. */
  unit: string
  rounds: number
  /** Ours divided by the floor, round by round: 1 is as fast as the floor, more is faster. */
  ratio: Spread
  floorMedian: number
  oursMedian: number
  /** The median ratio to reach; null for none. */
  target: number | null
  /** The median of ours to reach, in the unit; null for none. */
  least: number | null
  /** Whether target and least, where given, are reached. */
  ok: boolean
}

export const DEFAULT_ROUNDS = 5

export type CompareOptions = {
  /** Where the programs run. */
  where?: string
  /** How often each side runs; default DEFAULT_ROUNDS. */
  rounds?: number
  /** A first round, in which code is compiled and buffers grow, does not count. Default true. */
  warmUp?: boolean
  /** Of floor's and ours' numbers; default ops/s. */
  unit?: string
  /** The median ratio to reach. */
  target?: number
  /** The median of ours to reach, in the unit. */
  least?: number
}

/** A number that is compared with nothing. */
export type Fact = {
  name: string
  value: number
  unit: string
  /** What it must not exceed; null for no limit. */
  most: number | null
  ok: boolean
}

export function fact(name: string, value: number, unit: string, { most }: { most?: number } = {}): Fact {
  return { name, value, unit, most: most ?? null, ok: most === undefined || value <= most }
}

/** What a group finds out. */
export type Findings = {
  comparisons: readonly Comparison[]
  facts?: readonly Fact[]
}

/** A part of the benchmark that can be run alone. */
export type Group = {
  /** What the command line calls it. */
  name: string
  title: string
  /** It takes long, and runs only when it is named; these are its parts. */
  parts?: readonly string[]
  /** @param rounds how often each comparison is made, unless it says fewer itself */
  run(rounds: number, scale: Scale): Promise<Findings>
}

/** How large what is measured is, for groups that can be had in more than one size. */
export type Scale = {
  /** Hosts of a network. */
  hosts: readonly number[]
  /** Simulated servers. */
  servers: readonly number[]
  /** Of groups that have parts: those to run. */
  parts: readonly string[]
}

/**
 * Runs floor and ours alternately and compares them. Both return a rate, of which more is better. Who goes
 * first changes from round to round.
 */
export async function compare(
  name: string,
  floor: () => Promise<number>,
  ours: () => Promise<number>,
  options: CompareOptions = {},
): Promise<Comparison> {
  const rounds = options.rounds ?? DEFAULT_ROUNDS
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`${name}: rounds must be a positive integer`)
  const pairs: { floor: number; ours: number }[] = []
  if (options.warmUp !== false) await measure(name, floor, ours, true)
  for (let round = 0; round < rounds; round++) pairs.push(await measure(name, floor, ours, round % 2 === 0))
  return summarize(name, pairs, options)
}

async function measure(
  name: string,
  floor: () => Promise<number>,
  ours: () => Promise<number>,
  floorFirst: boolean,
): Promise<{ floor: number; ours: number }> {
  const early = await (floorFirst ? floor : ours)()
  const late = await (floorFirst ? ours : floor)()
  const pair = floorFirst ? { floor: early, ours: late } : { floor: late, ours: early }
  if (!(pair.floor > 0) || !(pair.ours >= 0)) {
    throw new Error(`${name}: no rates: floor ${pair.floor}, ours ${pair.ours}`)
  }
  return pair
}

function summarize(
  name: string,
  pairs: { floor: number; ours: number }[],
  options: CompareOptions,
): Comparison {
  const ratio = spread(pairs.map((pair) => pair.ours / pair.floor))
  const oursMedian = spread(pairs.map((pair) => pair.ours)).median
  const { unit = 'ops/s', target = null, least = null } = options
  return {
    name,
    where: options.where ?? '',
    unit,
    rounds: pairs.length,
    ratio,
    floorMedian: spread(pairs.map((pair) => pair.floor)).median,
    oursMedian,
    target,
    least,
    ok: (target === null || ratio.median >= target) && (least === null || oursMedian >= least),
  }
}

/** The spread of at least one number. */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? NaN
  const middle = (sorted.length - 1) / 2
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  }
}

/** A line for each comparison. */
function comparisonTable(comparisons: readonly Comparison[]): string {
  const head = ['what', 'where', 'floor', 'ours', 'unit', 'ratio', 'min–max', 'target', 'ok']
  const rule = ['---', '---', '---:', '---:', '---', '---:', '---:', '---:', '---']
  return table([head, rule, ...comparisons.map(cells)])
}

function factTable(facts: readonly Fact[]): string {
  const rows = facts.map(({ name, value, unit, most, ok }) => [
    name,
    short(value),
    unit,
    most === null ? '' : `≤ ${short(most)}`,
    most === null ? '' : ok ? 'yes' : 'NO',
  ])
  return table([['what', 'value', 'unit', 'target', 'ok'], ['---', '---:', '---', '---:', '---'], ...rows])
}

const table = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `| ${row.join(' | ')} |\n`).join('')

function cells(c: Comparison): string[] {
  const targets = [
    c.target === null ? '' : `≥ ${short(c.target)}`,
    c.least === null ? '' : `≥ ${short(c.least)} ${c.unit}`,
  ]
  const wanted = targets.filter((text) => text !== '').join(', ')
  return [
    c.name.replaceAll('|', '\\|'),
    c.where,
    short(c.floorMedian),
    short(c.oursMedian),
    c.unit,
    short(c.ratio.median),
    `${short(c.ratio.min)}–${short(c.ratio.max)}`,
    wanted,
    wanted === '' ? '' : c.ok ? 'yes' : 'NO',
  ]
}

/** A number for a reader: three digits that count, thousands set apart. */
export function short(value: number): string {
  return new Intl.NumberFormat('en-US', { maximumSignificantDigits: value < 1000 ? 3 : 4 }).format(value)
}

/** What the figures depend on; `load` is how many processes were running or waiting to, on average of the last minute. */
export function machine(): { cpu: string; cpus: number; kernel: string; node: string; load: number } {
  const processors = cpus()
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    kernel: release(),
    node: process.version,
    load: loadavg()[0] ?? 0,
  }
}

/** The machine in a line, as it is when a run begins. */
export function machineLine({ cpu, cpus, kernel, node, load }: ReturnType<typeof machine>): string {
  return `${cpus} CPUs (${cpu}), Linux ${kernel}, Node ${node}; load average before: ${load.toFixed(2)}`
}

/** What was found as JSON, with the machine before the run, and the time (ISO 8601). */
export function jsonReport(before: ReturnType<typeof machine>, findings: readonly Findings[]): string {
  const comparisons = findings.flatMap((found) => found.comparisons)
  const facts = findings.flatMap((found) => found.facts ?? [])
  return `${JSON.stringify({ time: new Date().toISOString(), machine: before, comparisons, facts }, null, 2)}\n`
}

/** What was found as Markdown. */
export const markdown = ({ comparisons, facts = [] }: Findings): string =>
  (comparisons.length > 0 ? comparisonTable(comparisons) : '') + (facts.length > 0 ? factTable(facts) : '')

/** The names of what is not as it should be. */
export const missed = ({ comparisons, facts = [] }: Findings): string[] => [
  ...comparisons.filter(({ ok }) => !ok).map(({ name, where }) => `${name} (${where})`),
  ...facts.filter(({ ok }) => !ok).map(({ name }) => name),
]
