/**
 * The floors and peers of the benchmark: C programs built from bench/floors, a C FUSE server to compare ours
 * with, loads that run against both, FIFOs and Redis. Everything started or mounted here is ended and
 * unmounted here, also on failure and when this process is told to stop.
 *
 * Where the two sides of a load run decides more than what they do: on a virtual machine with two CPUs a
 * wake-up across CPUs costs 5 to 20 times one on the same CPU, and the scheduler picks either by chance. So
 * for loads of one request at a time pin all sides to one CPU (`cpu` below, and `withPinned` for our server).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** The paths of the built programs. */
export type Floors = { floorfs: string; load: string }

/**
 * What a load did: operations, the seconds they took, the bytes moved; `cut` when its time limit ended it.
 */
export type LoadResult = { ops: number; seconds: number; bytes: number; cut: boolean }

export type LoadOptions = {
  /** Seconds after which the load stops where it is. Default 60. */
  limit?: number
  /** The CPU to run on, from 0. Default any. */
  cpu?: number
}

export type FloorFsOptions = {
  /** Seconds the kernel may keep names; default 0. */
  entryTimeout?: number
  /** Seconds the kernel may keep attributes; default 0. */
  attrTimeout?: number
  /** Bytes in one request, read or write, 4,096 to 1,048,576; default 1,048,576. */
  maxWrite?: number
  /** How many directories of four small files; default 0. */
  dirs?: number
  /** Files bypass the page cache; default true. */
  directIo?: boolean
  /** The kernel checks permissions; default false. */
  defaultPermissions?: boolean
  /** Other users may look in; default false. */
  allowOther?: boolean
  /** Listing a directory brings the attributes along; default false. */
  readdirplus?: boolean
  /** The CPU to run on, from 0; default any. */
  cpu?: number
}

/** A mounted floorfs: its mount point, and the paths in it. */
export type FloorFs = { dir: string; small: string; sink: string; zero: string }

const repository = findRepository()
const buildDir = join(repository, 'build', 'bench')
const STOP_MS = 3000

/** The directory above this file that holds the C sources; this file may have been compiled elsewhere. */
function findRepository(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'bench', 'floors', 'load.c'))) {
    if (dir === dirname(dir)) throw new Error(`bench/floors/load.c is nowhere above ${import.meta.url}`)
    dir = dirname(dir)
  }
  return dir
}

/* What is undone at once if this process ends before its time. */

const undo = new Set<() => void>()
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const undoAll = (): void => {
  for (const act of [...undo].reverse()) act()
  undo.clear()
}

const onStopSignal = (): void => process.exit(130)

/**
 * Registers what to do, without waiting, if this process ends now. Returns the function that withdraws it.
 */
function ifStopped(act: () => void): () => void {
  if (undo.size === 0) {
    process.on('exit', undoAll)
    for (const signal of stopSignals) process.on(signal, onStopSignal)
  }
  undo.add(act)
  return () => {
    undo.delete(act)
    if (undo.size > 0) return
    process.off('exit', undoAll)
    for (const signal of stopSignals) process.off(signal, onStopSignal)
  }
}

/** Runs a function with a new temporary directory, which is removed afterwards with what is in it. */
async function withTemporaryDir<T>(fn: (dir: string) => Promise<T>): Promise<T> {
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

/* Building. */

/**
 * Compiles the C programs into build/bench, unless they are newer there than their sources. Throws a sentence
 * when the compiler or libfuse3's headers are missing.
 */
export async function buildFloors(): Promise<Floors> {
  mkdirSync(buildDir, { recursive: true })
  return { floorfs: compile('floorfs', 'fuse3'), load: compile('load') }
}

/** The path of a program, compiled if its source is newer; `library` is what pkg-config calls it. */
function compile(name: string, library?: string): string {
  const source = join(repository, 'bench', 'floors', `${name}.c`)
  const target = join(buildDir, name)
  if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return target
  const flags = library === undefined ? [] : pkgConfig(library)
  const temporary = `${target}.${process.pid}`
  command('gcc', ['-std=gnu11', '-Wall', '-Wextra', '-O2', '-o', temporary, source, ...flags])
  renameSync(temporary, target)
  return target
}

function pkgConfig(library: string): string[] {
  const out = command('pkg-config', ['--cflags', '--libs', library])
  return out.split(/\s+/).filter((flag) => flag !== '')
}

/** Runs a program to its end and returns its stdout; throws a sentence if it is missing or fails. */
function command(name: string, args: string[]): string {
  const done = spawnSync(name, args, { encoding: 'utf8' })
  if (done.error) throw new Error(missing(name, done.error))
  if (done.status !== 0) throw new Error(`${name} ${args.join(' ')} failed: ${done.stderr.trim()}`)
  return done.stdout
}

const packages: Record<string, string> = {
  gcc: 'gcc',
  'pkg-config': 'pkg-config and libfuse3-dev',
  'redis-server': 'redis-server',
}

function missing(name: string, error: Error): string {
  if (!('code' in error) || error.code !== 'ENOENT') return `${name}: ${error.message}`
  return `${name} is not installed; the benchmark needs Debian's ${packages[name] ?? name}`
}

/* Processes. */

/** A command that runs on one CPU, or any, under the same process id. */
function onCpu(argv: string[], cpu: number | undefined): string[] {
  return cpu === undefined ? argv : ['taskset', '-c', String(cpu), ...argv]
}

/** A process, what it has printed so far, and its end, which rejects only if it could not be started. */
type Running = { child: ChildProcess; output: { stdout: string; stderr: string }; ended: Promise<void> }

/** Starts a program; it is killed when the signal is raised. */
function start(argv: string[], signal?: AbortSignal): Running {
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
async function end({ child, ended }: Running): Promise<void> {
  const settled = ended.catch(() => undefined)
  child.kill('SIGTERM')
  await Promise.race([settled, sleep(STOP_MS, undefined, { ref: false })])
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await Promise.race([settled, sleep(STOP_MS, undefined, { ref: false })])
}

/** Waits until something holds, looking every 10 ms; throws after 5 s, or when the process has ended. */
async function ready(name: string, running: Running, holds: () => boolean | Promise<boolean>): Promise<void> {
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

/* The C FUSE server. */

/** Mounts floorfs for the time of a function. */
export async function withFloorFs<T>(options: FloorFsOptions, fn: (fs: FloorFs) => Promise<T>): Promise<T> {
  const { floorfs } = await buildFloors()
  const dir = mkdtempSync(join(tmpdir(), 'circuit-floor-'))
  const running = start(onCpu([floorfs, ...floorFsArguments(options), dir], options.cpu))
  const { child, output } = running
  const withdraw = ifStopped(() => unmount(dir, child))
  try {
    await ready('floorfs', running, () => output.stdout.includes('ready'))
    const path = (name: string): string => join(dir, name)
    return await fn({ dir, small: path('small'), sink: path('sink'), zero: path('zero') })
  } finally {
    await end(running)
    unmount(dir, child)
    withdraw()
  }
}

function floorFsArguments(options: FloorFsOptions): string[] {
  return [
    ['--entry-timeout', String(options.entryTimeout ?? 0)],
    ['--attr-timeout', String(options.attrTimeout ?? 0)],
    ['--max-write', String(options.maxWrite ?? 1 << 20)],
    ['--dirs', String(options.dirs ?? 0)],
    options.directIo === false ? ['--no-direct-io'] : [],
    options.defaultPermissions === true ? ['--default-permissions'] : [],
    options.allowOther === true ? ['--allow-other'] : [],
    options.readdirplus === true ? ['--readdirplus'] : [],
  ].flat()
}

/** Makes sure a floorfs is gone, mount and directory, without touching what is behind the mount. */
function unmount(dir: string, child: ChildProcess): void {
  child.kill('SIGKILL')
  if (isMounted(dir)) {
    const [name, flag] = process.getuid?.() === 0 ? ['umount', '-l'] : ['fusermount3', '-uz']
    spawnSync(name, [flag, dir])
  }
  if (!isMounted(dir) && existsSync(dir)) rmdirSync(dir)
}

function isMounted(dir: string): boolean {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return lines.some((line) => line.split(' ')[4] === dir)
}

/* Loads. */

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
  const argv = onCpu([load, '-t', String(limit), ...args], options.cpu)
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

/** Keeps all threads a process has now on one CPU for the time of a function; new threads inherit it. */
export async function withPinned<T>(pid: number, cpu: number, fn: () => Promise<T>): Promise<T> {
  const before = command('taskset', ['-c', '-p', String(pid)])
    .split(': ')[1]
    ?.trim()
  if (before === undefined) throw new Error(`taskset does not say where process ${pid} runs`)
  command('taskset', ['-a', '-c', '-p', String(cpu), String(pid)])
  try {
    return await fn()
  } finally {
    command('taskset', ['-a', '-c', '-p', before, String(pid)])
  }
}

/* Peers. */

/** Makes a FIFO for the time of a function, which gets its path. */
export async function withFifo<T>(fn: (path: string) => Promise<T>): Promise<T> {
  return withTemporaryDir(async (dir) => {
    const path = join(dir, 'fifo')
    command('mkfifo', [path])
    return fn(path)
  })
}

/**
 * Runs a Redis of its own, without persistence, for the time of a function, which gets the path of its socket
 * for `redis-push` and `redis-pop`.
 */
export async function withRedis<T>(
  fn: (socket: string) => Promise<T>,
  options: Pick<LoadOptions, 'cpu'> = {},
): Promise<T> {
  command('redis-server', ['--version'])
  return withTemporaryDir(async (dir) => {
    const socket = join(dir, 'redis')
    const running = start(onCpu(redisCommand(dir, socket), options.cpu))
    try {
      await ready('redis-server', running, () => accepts(socket))
      return await fn(socket)
    } finally {
      await end(running)
    }
  })
}

/** Redis on a unix socket alone; it ends with the thread that started it, whatever that one dies of. */
function redisCommand(dir: string, socket: string): string[] {
  const settings = { port: '0', unixsocket: socket, save: '', appendonly: 'no', dir, daemonize: 'no' }
  const flags = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
  return ['setpriv', '--pdeathsig', 'TERM', 'redis-server', ...flags]
}

/** Whether somebody listens on a unix socket. */
async function accepts(path: string): Promise<boolean> {
  const connection = createConnection(path)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}
