/** The floor: a C FUSE server, built from bench/floors and mounted for the time of a function. */
import type { ChildProcess } from 'node:child_process'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, end, ifStopped, onCpu, ready, start } from './programs.ts'

/** The paths of the built programs. */
export type Floors = { floorfs: string; load: string }

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

/** The directory above this file that holds the C sources; this file may have been compiled elsewhere. */
function findRepository(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'bench', 'floors', 'load.c'))) {
    if (dir === dirname(dir)) throw new Error(`bench/floors/load.c is nowhere above ${import.meta.url}`)
    dir = dirname(dir)
  }
  return dir
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
export function unmount(dir: string, child: ChildProcess): void {
  child.kill('SIGKILL')
  if (isMounted(dir)) {
    const [name, flag] = process.getuid?.() === 0 ? ['umount', '-l'] : ['fusermount3', '-uz']
    spawnSync(name, [flag, dir])
  }
  if (!isMounted(dir) && existsSync(dir)) rmdirSync(dir)
}

export function isMounted(dir: string): boolean {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return lines.some((line) => line.split(' ')[4] === dir)
}
