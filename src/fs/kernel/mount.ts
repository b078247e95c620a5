/** Mounting and unmounting: by mount(8) as root, by the set-uid fusermount3(1) as another user. */
import { execFile, spawnSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What the tree is called in lists of mounts. */
export const TYPE = 'fuse.circuit'

export interface MountOptions {
  /** Absolute and free of symlinks. */
  readonly directory: string
  /** Others than the owner may use it, as far as modes allow: the kernel checks these. */
  readonly shared: boolean
}

const isRoot = (): boolean => process.getuid?.() === 0

/** Mounts and gives the descriptor of /dev/fuse. @throws Error in words */
export function mount({ directory, shared }: MountOptions): number {
  const fd = openDevice()
  const owner = `user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0}`
  const options = `fd=3,rootmode=40000,${owner},nosuid,nodev${shared ? ',allow_other,default_permissions' : ''}`
  // -c: what it is called is no path, though there may be a /circuit.
  const made = spawnSync('mount', ['-i', '-c', '-t', TYPE, '-o', options, 'circuit', directory], {
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

/** A mount that fusermount3 has made for this process. */
export interface InheritedMount {
  readonly directory: string
  readonly fd: number
}

/** The mount that receive-fd.pl has left in the environment; taken out, so that no child believes it is its own. */
export function takeInheritedMount(): InheritedMount | undefined {
  const { CIRCUIT_FUSE_FD: fd, CIRCUIT_FUSE_DIRECTORY: directory } = process.env
  delete process.env.CIRCUIT_FUSE_FD
  delete process.env.CIRCUIT_FUSE_DIRECTORY
  return fd === undefined || directory === undefined ? undefined : { directory, fd: Number(fd) }
}

/**
 * The command that runs this same program again with a mount made by fusermount3, for users other than root, who
 * can't mount themselves. Undefined for root.
 */
export function commandToMountAsUser({ directory, shared }: MountOptions): readonly string[] | undefined {
  if (isRoot()) return undefined
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

/** Takes the mount away, also while it is in use: calls on it fail from now on. @throws Error in words */
export function unmount(directory: string): Promise<void> {
  const [command, ...args] = isRoot() ? ['umount', '-l', directory] : ['fusermount3', '-uz', '--', directory]
  return new Promise((resolve, reject) => {
    execFile(command ?? '', args, { cwd: '/' }, (error, _, stderr) =>
      error ? reject(new Error(stderr.trim() || error.message, { cause: error })) : resolve(),
    )
  })
}
