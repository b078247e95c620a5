/** Mounting and unmounting: by mount(8) as root, by the set-uid fusermount3(1) as another user. */
import { execFile, spawnSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const TYPE = 'fuse.circuit'
/** Set by receive-fd.pl: the descriptor of a mount that fusermount3 has made. */
const INHERITED = 'CIRCUIT_FUSE_FD'
/** A server that has not answered a stat for this long is taken to live, only slowly. */
const PROBE_MS = 3000

export interface MountOptions {
  /** Absolute and free of symlinks. */
  readonly directory: string
  /** Others than the owner may use it, as far as modes allow: the kernel checks these. */
  readonly shared: boolean
}

const isRoot = (): boolean => process.getuid?.() === 0

/** Mounts and gives the descriptor of /dev/fuse. @throws Error in words */
export async function mount({ directory, shared }: MountOptions): Promise<number> {
  const inherited = process.env[INHERITED]
  if (inherited !== undefined) {
    delete process.env[INHERITED]
    return Number(inherited)
  }
  await clearWay(directory)
  const fd = openDevice()
  const owner = `user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0}`
  const options = `fd=3,rootmode=40000,${owner},nosuid,nodev${shared ? ',allow_other,default_permissions' : ''}`
  const made = spawnSync('mount', ['-i', '-t', TYPE, '-o', options, 'circuit', directory], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    cwd: '/',
  })
  if (made.status === 0) return fd
  closeSync(fd)
  throw new Error(`can't mount on ${directory}: ${made.error?.message ?? made.stderr.toString().trim()}`)
}

function openDevice(): number {
  try {
    return openSync('/dev/fuse', constants.O_RDWR)
  } catch (cause) {
    const advice = existsSync('/dev/fuse')
      ? 'run as root, or with fusermount3 installed (package fuse3)'
      : 'load the kernel module: modprobe fuse'
    throw new Error(`can't open /dev/fuse; ${advice}`, { cause })
  }
}

/**
 * The command that runs this same program again with a mount made by fusermount3, for users other than root, who
 * can't mount themselves. Undefined where it is not needed: for root, and when it has been run already.
 */
export function commandToMountAsUser({ directory, shared }: MountOptions): readonly string[] | undefined {
  if (isRoot() || process.env[INHERITED] !== undefined) return undefined
  const options = `fsname=circuit,subtype=circuit${shared ? ',allow_other,default_permissions' : ''}`
  const [, main = '', ...args] = process.argv
  return ['perl', receiver(), options, directory, '--', process.execPath, ...process.execArgv, main, ...args]
}

/** The script is not compiled: it stays in src, which the package has beside dist. */
function receiver(): string {
  const beside = fileURLToPath(new URL('./receive-fd.pl', import.meta.url))
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL('../../../../src/fs/kernel/receive-fd.pl', import.meta.url))
}

/** Takes the mount away, also while it is in use: calls on it fail from now on. */
export function unmount(directory: string): Promise<void> {
  const [command, ...args] = isRoot() ? ['umount', '-l', directory] : ['fusermount3', '-uz', '--', directory]
  return new Promise((resolve, reject) => {
    execFile(command ?? '', args, { cwd: '/' }, (error) => (error ? reject(error) : resolve()))
  })
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

/** Whether a mount's server has gone. Asynchronously: a server that hangs would take us with it. */
async function isDead(directory: string): Promise<boolean> {
  const probe = stat(directory).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOTCONN' || error.code === 'ECONNABORTED',
  )
  const timeout = new Promise<boolean>((resolve) => setTimeout(resolve, PROBE_MS, false).unref())
  return Promise.race([probe, timeout])
}
