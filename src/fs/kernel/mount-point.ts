/**
 * The directory to mount on, and what is in the way there. A mount that is there already is never touched by the main
 * thread: a server that hangs would take us with it.
 */
import { spawn } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { TYPE, unmount } from './mount.ts'

/** A server that has not answered a stat for this long is taken to live, only slowly. */
const PROBE_MS = 3000
/** As many links as the kernel follows (MAXSYMLINKS). */
const MAX_LINKS = 40

const REASONS: Readonly<Record<string, string>> = {
  ENOTDIR: 'it is not a directory, or below what is none',
  EEXIST: 'it is not a directory, or below what is none',
  ENOTEMPTY: 'it is not empty, and what is in it would be hidden; take another directory',
}

/** Makes the directory if it is missing, and gives its path free of symlinks. @throws Error in words */
export function makeMountPoint(wanted: string): string {
  try {
    return findOrMake(resolve(wanted), MAX_LINKS)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = (code && REASONS[code]) ?? message
    throw new Error(`can't mount on ${wanted}: ${reason}`, { cause })
  }
}

function findOrMake(path: string, links: number): string {
  const parent = dirname(path)
  if (parent === path) return path
  mkdirSync(parent, { recursive: true })
  const directory = join(realpathSync(parent), basename(path))
  if (mountedType(directory) !== undefined) return directory
  const there = lstatSync(directory, { throwIfNoEntry: false })
  if (there === undefined) mkdirSync(directory)
  else if (there.isSymbolicLink()) return follow(directory, links)
  else if (!there.isDirectory()) throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' })
  // It may be the directory that this program is in: ~/circuit, for one, as a clone of ours is called.
  else if (readdirSync(directory).length > 0)
    throw Object.assign(new Error('not empty'), { code: 'ENOTEMPTY' })
  return directory
}

function follow(link: string, links: number): string {
  if (links === 0) throw new Error('too many symbolic links')
  return findOrMake(resolve(dirname(link), readlinkSync(link)), links - 1)
}

/** Detaches what a killed server has left. @throws Error when somebody's living mount is there */
export async function clearWay(directory: string): Promise<void> {
  while (mountedType(directory)?.startsWith('fuse')) {
    if (!(await isDead(directory)))
      throw new Error(`something is mounted on ${directory} already; unmount it, or take another directory`)
    if (mountedType(directory) !== TYPE)
      throw new Error(`the mount on ${directory} is dead, but not ours; unmount it: umount -l ${directory}`)
    await unmount(directory)
  }
}

/** The type of the filesystem that is mounted right there, as proc_pid_mounts(5) has it. */
function mountedType(directory: string): string | undefined {
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const found = lines
    .map((line) => line.split(' '))
    .filter(([, where = '']) => unescapePath(where) === directory)
  return found.at(-1)?.[2]
}

const unescapePath = (path: string): string =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/**
 * Whether a mount's server has gone. Asked by a process of its own, that is left alone if there is no answer: a thread
 * of ours that hung there would keep this process from ending.
 */
function isDead(directory: string): Promise<boolean> {
  const probe = spawn('stat', ['--', directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  return new Promise((resolve, reject) => {
    let said = ''
    const timeout = setTimeout(() => {
      probe.kill('SIGKILL')
      probe.stderr.destroy()
      probe.unref()
      resolve(false)
    }, PROBE_MS)
    probe.stderr.on('data', (bytes) => {
      said += bytes
    })
    probe.on('error', reject)
    probe.on('close', () => {
      clearTimeout(timeout)
      resolve(/endpoint is not connected|connection abort/.test(said))
    })
  })
}
