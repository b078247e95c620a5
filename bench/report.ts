/**
 * Ratios of ours to a floor, measured in one run: rounds of the two alternate, so that a machine that is slow
 * for a while is slow for both, and the median of the rounds' ratios is what counts.
 */
import { cpus, release } from 'node:os'

/** Median, least and greatest of some numbers. */
export type Spread = { median: number; min: number; max: number }

export type Comparison = {
  name: string
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

export type CompareOptions = {
  /** How often each side runs; default 5. */
  rounds?: number
  /** Of floor's and ours' numbers; default ops/s. */
  unit?: string
  /** The median ratio to reach. */
  target?: number
  /** The median of ours to reach, in the unit. */
  least?: number
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
  const rounds = options.rounds ?? 5
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`${name}: rounds must be a positive integer`)
  const pairs: { floor: number; ours: number }[] = []
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

/** A Markdown table, a line for each comparison. */
export function markdownTable(comparisons: readonly Comparison[]): string {
  const head = ['what', 'floor', 'ours', 'unit', 'ratio', 'min–max', 'target', 'ok']
  const rule = ['---', '---:', '---:', '---', '---:', '---:', '---:', '---']
  return [head, rule, ...comparisons.map(cells)].map((row) => `| ${row.join(' | ')} |\n`).join('')
}

function cells(c: Comparison): string[] {
  const targets = [
    c.target === null ? '' : `≥ ${short(c.target)}`,
    c.least === null ? '' : `≥ ${short(c.least)} ${c.unit}`,
  ]
  const wanted = targets.filter((text) => text !== '').join(', ')
  return [
    c.name.replaceAll('|', '\\|'),
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

/** The comparisons as JSON, with the machine and the time (ISO 8601) they were measured at. */
export function jsonReport(comparisons: readonly Comparison[]): string {
  const processors = cpus()
  const machine = {
    cpu: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    kernel: release(),
    node: process.version,
  }
  return `${JSON.stringify({ time: new Date().toISOString(), machine, comparisons }, null, 2)}\n`
}

/**
 * Prints the table on stdout and a sentence on stderr for each target missed. Returns whether all were
 * reached.
 */
export function printReport(comparisons: readonly Comparison[]): boolean {
  process.stdout.write(markdownTable(comparisons))
  const missed = comparisons.filter((comparison) => !comparison.ok)
  for (const { name } of missed) process.stderr.write(`bench: ${name} is below its target\n`)
  return missed.length === 0
}
