/** What the commands that mount the tree share: the place, as root or another user. */
import { execFileSync, spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  commandToMountAsUser,
  type InheritedMount,
  mount,
  takeInheritedMount,
  unmount,
} from '../fs/kernel/mount.ts'
import { clearWay, makeMountPoint } from '../fs/kernel/mount-point.ts'
import type { ReaderKind } from '../fs/kernel/reader.ts'
import { type Mounted, serve } from '../fs/mounted.ts'
import type { Namespace } from '../node/namespace.ts'
import { onStopSignal } from './signals.ts'

/** Where the tree is mounted, or, without a descriptor, will be. */
export type Place = InheritedMount | { readonly directory: string; readonly fd?: undefined }

const defaultDirectory = (): string => (process.getuid?.() === 0 ? '/circuit' : join(homedir(), 'circuit'))

/**
 * Finds or makes the mount point, and takes away a dead mount. Where another process had to be put in this one's place to
 * mount, as for users other than root, gives its exit status.
 * @param shared others than the owner will use it
 */
export async function takePlace(directory: string | undefined, shared: boolean): Promise<Place | number> {
  // A mount point that is inherited must not be touched: nobody serves it yet, and we would wait for ourselves.
  const inherited = takeInheritedMount()
  if (inherited) return inherited
  if (process.platform !== 'linux')
    throw new Error(`the tree can be mounted on Linux alone, and this is ${process.platform}: use --no-mount`)
  const point = makeMountPoint(directory ?? defaultDirectory())
  await clearWay(point)
  const command = commandToMountAsUser({ directory: point, shared })
  return command ? become(command) : { directory: point }
}

export interface MountTreeOptions {
  /** Members of this group may use it. */
  readonly group: string | undefined
  /** Whether all that the kernel may know of a path changes only through this mount, or it is told. */
  readonly isOwn: (path: string) => boolean
}

/** Mounts a namespace, where that has not been done yet, and serves it. @throws Error in words */
export function mountTree(
  namespace: Namespace,
  { directory, fd }: Place,
  { group, isOwn }: MountTreeOptions,
): Mounted {
  const gid = group === undefined ? undefined : findGroup(group)
  const owner = {
    uid: process.getuid?.() ?? 0,
    gid: gid ?? process.getgid?.() ?? 0,
    group: gid !== undefined,
  }
  const reader = process.env.CIRCUIT_FUSE_READER as ReaderKind | undefined
  return serve(fd ?? mount({ directory, shared: gid !== undefined }), namespace, {
    owner,
    isOwn,
    unmount: () => unmount(directory),
    ...(reader && { reader }),
  })
}

function findGroup(group: string): number {
  try {
    return Number(
      execFileSync('getent', ['group', '--', group], { encoding: 'utf8', cwd: '/' }).split(':')[2],
    )
  } catch (cause) {
    throw new Error(`there is no group ${group} on this host`, { cause })
  }
}

/** Puts another command in this process's place, or, on a Node that can't do that, waits for it. */
function become(command: readonly string[]): Promise<number> {
  const [program = '', ...args] = command
  const { execve } = process as {
    execve?: (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never
  }
  if (execve) execve(findProgram(program), command, process.env)
  const child = spawn(program, args, {
    stdio: 'inherit',
    // A server whose starter is killed stops, as if it were the same process.
    env: { ...process.env, CIRCUIT_STARTER: String(process.pid) },
  })
  onStopSignal((signal) => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)))
  })
}

function findProgram(name: string): string {
  return execFileSync('/bin/sh', ['-c', 'command -v -- "$1"', 'sh', name], { encoding: 'utf8' }).trim()
}
