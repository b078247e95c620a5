/** Loads: the C programs that use a file or a directory, ours or a floor's, and say how fast that went. */
import { setTimeout as sleep } from 'node:timers/promises'
import { buildFloors } from './floors.ts'
import { onCpu, start } from './programs.ts'

/**
 * What a load did: operations, the seconds they took, the bytes moved; `cut` when its time limit ended it.
 */
export type LoadResult = { ops: number; seconds: number; bytes: number; cut: boolean }

export type LoadOptions = {
  /** Seconds after which the load stops where it is. Default 60. */
  limit?: number
  /** The CPU to run on, from 0. Default any. */
  cpu?: number
  /** Words that run the rest of theirs as a command, in another network namespace for example. */
  within?: readonly string[]
}

/**
 * Runs one load, for example `['stat', path, '10000']`; build/bench/load without arguments lists them. A load
 * that ends neither by its count nor by its limit is killed 5 s after the limit.
 */
export async function runLoad(args: string[], options: LoadOptions = {}): Promise<LoadResult> {
  return runLoadUntil(args, options, new AbortController().signal)
}

async function runLoadUntil(args: string[], options: LoadOptions, signal: AbortSignal): Promise<LoadResult> {
  const { load } = await buildFloors()
  const limit = options.limit ?? 60
  const argv = onCpu([...(options.within ?? []), load, '-t', String(limit), ...args], options.cpu)
  const { child, output, ended } = start(argv, signal)
  const late = sleep((limit + 5) * 1000, 'late' as const, { ref: false })
  if ((await Promise.race([ended, late])) === 'late') {
    child.kill('SIGKILL')
    throw new Error(`load ${args.join(' ')} hangs`)
  }
  if (child.exitCode !== 0) throw new Error(output.stderr.trim() || `load ${args.join(' ')} was killed`)
  return parseResult(args[0] === 'pump' && args[1] === '-' ? output.stderr : output.stdout)
}

function parseResult(text: string): LoadResult {
  const value: unknown = JSON.parse(text)
  if (!isResult(value)) throw new Error(`not a load's result: ${text}`)
  return value
}

function isResult(value: unknown): value is LoadResult {
  if (typeof value !== 'object' || value === null) return false
  const { ops, seconds, bytes, cut } = value as Record<string, unknown>
  return [ops, seconds, bytes].every((field) => typeof field === 'number') && typeof cut === 'boolean'
}

/**
 * Runs two loads at the same time, such as a receiver and its sender, and returns the result of the slower
 * one. Throws if the bytes of the two ends differ: a benchmark that loses data measures nothing. When one
 * fails, the other is killed.
 */
export async function runPair(a: string[], b: string[], options: LoadOptions = {}): Promise<LoadResult> {
  const abort = new AbortController()
  const runs = [a, b].map((args) => runLoadUntil(args, options, abort.signal))
  const [first, second] = await Promise.all(runs).catch(async (error: unknown) => {
    abort.abort()
    await Promise.allSettled(runs)
    throw error
  })
  if (first === undefined || second === undefined) throw new Error('a load gave no result')
  if (!first.cut && !second.cut && first.bytes !== second.bytes) {
    throw new Error(`${a.join(' ')} moved ${first.bytes} bytes, ${b.join(' ')} ${second.bytes}`)
  }
  return first.seconds > second.seconds ? first : second
}

/** Operations a second. */
export function opsRate(result: LoadResult): number {
  return result.ops / result.seconds
}

/** Megabytes (10^6 bytes) a second. */
export function byteRate(result: LoadResult): number {
  return result.bytes / 1e6 / result.seconds
}
