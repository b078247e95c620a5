/**
 * Programs that the benchmark starts, and what it makes: everything is ended and removed again, also on failure and
 * when this process is told to stop.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onStopSignal } from '../src/cli/signals.ts'

const STOP_MS = 3000

/* What is undone at once if this process ends before its time. */

const undo = new Set<() => void>()
let letSignals: (() => void) | undefined

const undoAll = (): void => {
  for (const act of [...undo].reverse()) act()
  undo.clear()
}

/**
 * Registers what to do, without waiting, if this process ends now. Returns the function that withdraws it.
 */
export function ifStopped(act: () => void): () => void {
  if (undo.size === 0) {
    process.on('exit', undoAll)
    letSignals = onStopSignal(() => process.exit(130))
  }
  undo.add(act)
  return () => {
    undo.delete(act)
    if (undo.size > 0) return
    process.off('exit', undoAll)
    letSignals?.()
  }
}

/** Runs a function with a new temporary directory, which is removed afterwards with what is in it. */
export async function withTemporaryDir<T>(fn: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'circuit-bench-'))
  const remove = (): void => rmSync(dir, { recursive: true, force: true })
  const withdraw = ifStopped(remove)
  try {
    return await fn(dir)
  } finally {
    remove()
    withdraw()
  }
}

/** Runs a program to its end and returns its stdout; throws a sentence if it is missing or fails. */
export function command(name: string, args: string[]): string {
  const done = spawnSync(name, args, { encoding: 'utf8' })
  if (done.error) throw new Error(missing(name, done.error))
  if (done.status !== 0) throw new Error(`${name} ${args.join(' ')} failed: ${done.stderr.trim()}`)
  return done.stdout
}

const packages: Record<string, string> = {
  gcc: 'gcc',
  'pkg-config': 'pkg-config and libfuse3-dev',
  dnsperf: 'dnsperf',
  named: 'bind9',
  'redis-server': 'redis-server',
}

export function missing(name: string, error: Error): string {
  if (!('code' in error) || error.code !== 'ENOENT') return `${name}: ${error.message}`
  return `${name} is not installed; the benchmark needs Debian's ${packages[name] ?? name}`
}

/* Processes. */

/** A command that runs on one CPU, or any, under the same process id. */
export function onCpu(argv: string[], cpu: number | undefined): string[] {
  return cpu === undefined ? argv : ['taskset', '-c', String(cpu), ...argv]
}

/** A process, what it has printed so far, and its end, which rejects only if it could not be started. */
export type Running = {
  child: ChildProcess
  output: { stdout: string; stderr: string }
  ended: Promise<void>
}

/** Starts a program; it is killed when the signal is raised. */
export function start(argv: string[], signal?: AbortSignal): Running {
  const [name = '', ...args] = argv
  const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const stop = (): void => void child.kill('SIGKILL')
  const withdraw = ifStopped(stop)
  signal?.addEventListener('abort', stop)
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new Error(missing(name, error))))
    child.once('close', () => resolve())
  }).finally(() => {
    signal?.removeEventListener('abort', stop)
    withdraw()
  })
  ended.catch(() => undefined)
  return { child, output, ended }
}

/** Ends a process in order, or after 3 s by force. It outlives this only inside an uninterruptible call. */
export async function end({ child, ended }: Running): Promise<void> {
  const settled = ended.catch(() => undefined)
  child.kill('SIGTERM')
  await Promise.race([settled, sleep(STOP_MS, undefined, { ref: false })])
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await Promise.race([settled, sleep(STOP_MS, undefined, { ref: false })])
}

/** Waits until something holds, looking every 10 ms; throws after 5 s, or when the process has ended. */
export async function ready(
  name: string,
  running: Running,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  let ended = false
  const mark = (): void => {
    ended = true
  }
  running.ended.then(mark, mark)
  for (const deadline = Date.now() + 5000; !(await holds()); await sleep(10)) {
    if (!ended && Date.now() < deadline) continue
    if (ended) await running.ended
    throw new Error(`${name} is not ready: ${running.output.stderr.trim()}`)
  }
}
