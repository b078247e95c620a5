/**
 * A mount namespace of its own, in which /dev/fuse is everybody's, as it is on a Debian, and the code under test can be
 * read by everybody, wherever it lies. What is mounted in it is seen by nobody else, and gone with it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface MountSpace {
  /** Words that run the rest of theirs as a command in it, as root. */
  readonly enter: readonly string[]
  /** The same as the user nobody, whose home is `home`. */
  readonly enterAsNobody: readonly string[]
  /** A directory of that user's; the programs lie there too. */
  readonly home: string
  /** The program `circuit`. */
  readonly main: string
  readonly node: string
}

export interface MountSpaceOptions {
  /** What /etc/fuse.conf says in it. */
  readonly fuseConf?: string
  /** The Node in it; this one by default. */
  readonly node?: string
}

export async function makeMountSpace(t: Test, options: MountSpaceOptions = {}): Promise<MountSpace> {
  const { fuseConf = '', node = process.execPath } = options
  const home = mkdtempSync(join(tmpdir(), 'circuit-space-'))
  const setup = `
    mount -t tmpfs -o mode=755,uid=nobody none "$H" && cd "$H"
    mknod -m 666 fuse c 10 229 && mount --bind fuse /dev/fuse
    printf %s "$C" > fuse.conf && mount --bind fuse.conf /etc/fuse.conf
    mkdir root && mount --bind "$R" root
    touch node && mount --bind "$N" node
    echo ready; exec cat`
  const keeper = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-ec', setup], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, H: home, R: ROOT, N: node, C: fuseConf },
  })
  const ended = once(keeper, 'close')
  t.teardown(async () => {
    keeper.stdin.end()
    await ended
    rmdirSync(home)
  })
  await Promise.race([
    once(keeper.stdout, 'data'),
    ended.then(() => Promise.reject(new Error('no namespace'))),
  ])
  const enter = ['nsenter', '-t', String(keeper.pid), '-m', '--']
  return {
    enter,
    enterAsNobody: [...enter, 'setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--'],
    home,
    main: join(home, 'root/dist/src/cli/main.js'),
    node: join(home, 'node'),
  }
}
