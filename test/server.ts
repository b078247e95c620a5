/**
 * A real server on a real mount, for tests: one a test file, started as a user starts it, in its own process (a
 * process that touched its own mount would hang). Everything it makes is gone when the test ends.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What ends some time, a test for example: what was made for it is taken down then, the last first. */
export interface Scope {
  teardown(down: () => void | Promise<void>): void
  /** Whether nothing has failed so far. */
  passing?(): boolean
}

/** The program `circuit`. */
export const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

/** Why tests that mount can't run here; false where they can. To be passed as tap's `skip`. */
export const noMount: string | false =
  process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'needs /dev/fuse'

export interface Outcome {
  /** Exit status as a shell says it: 128 + signal where it was killed. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface ShellOptions {
  /** The program that runs the script with -c; words for `busybox sh`. Default: sh. */
  readonly shell?: string
  readonly input?: string
  /** Variables beside A, the anchor `$S/…` and the test's own environment. */
  readonly env?: Readonly<Record<string, string>>
  /** After so many ms the script is killed and the promise rejects: a test must not hang. Default 20 s. */
  readonly limit?: number
  /** Words that run the rest of theirs as a command, as another user or elsewhere: setpriv, nsenter, … */
  readonly within?: readonly string[]
}

export interface TestServer {
  /** The mount point. */
  readonly mount: string
  /** This server's anchor: `MOUNT/X…`. */
  readonly self: string
  /** `X…`. */
  readonly id: string
  /** Where other servers and clients reach it. */
  readonly url: string
  readonly child: ChildProcess
  /** What it has said on stderr. */
  log(): string
  /** Makes a fresh anchor and gives its path; `command` is written to its ctl. */
  anchor(command?: string): Promise<string>
  /** Runs a shell script, in which $M is the mount, $S the server's anchor. */
  sh(script: string, options?: ShellOptions): Promise<Outcome>
  /** Stops it in order, as SIGTERM does, and settles when it has ended. */
  stop(): Promise<Outcome>
  /** Kills it with SIGKILL; the dead mount stays until the test ends. */
  kill(): Promise<void>
}

export interface ServerOptions {
  /** More options of `circuit start`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** A mount point that is there already; it is not removed then. */
  readonly mount?: string
  /** False: it gets no name, and takes the host's. By default it is web1. */
  readonly named?: boolean
  /** Another Node than this one. */
  readonly node?: string
  /** The program, where it is to be found by another path. */
  readonly main?: string
  /** Words that run the rest of theirs as a command, in the same process: the server and all scripts are run so. */
  readonly within?: readonly string[]
  /** Told each line that it says on stderr, from the first one on. */
  readonly onLine?: (line: string) => void
}

/** Starts a server, mounted; the test's teardown stops it. */
export async function startServer(t: Scope, options: ServerOptions = {}): Promise<TestServer> {
  const mount = options.mount ?? mkdtempSync(join(tmpdir(), 'circuit-test-'))
  const within = options.within ?? []
  const name = options.named === false ? [] : ['--name', 'web1']
  const start = [options.main ?? MAIN, 'start', '--mount', mount, ...name, ...(options.args ?? [])]
  const [program = '', ...args] = [...within, options.node ?? process.execPath, ...start]
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, CIRCUIT_RUNTIME_DIR: runtimeDirectory(within), ...options.env },
  })
  let said = ''
  const printed = new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once('line', resolve),
  )
  const ended = once(child, 'close')
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
    await detach(mount)
    if (options.mount === undefined) rmdirSync(mount)
  })
  const id = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said += `${line}\n`
      options.onLine?.(line)
      const id = /server (X[0-9a-f]{16}).*mounted/.exec(line)?.[1]
      if (id) resolve(id)
    })
    void ended.then(() => reject(new Error(`the server did not start: ${said}`)))
  })
  const self = join(mount, id)
  return {
    ...workplace(mount, self, within),
    mount,
    self,
    id,
    url: await printed,
    child,
    log: () => said,
    async stop() {
      child.kill('SIGTERM')
      await ended
      return { status: child.exitCode ?? 128, stdout: '', stderr: said }
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Where the servers of one user find each other: away from those of the machine, made by that user. */
function runtimeDirectory(within: readonly string[]): string {
  const common = join(tmpdir(), 'circuit-run')
  mkdirSync(common, { recursive: true })
  chmodSync(common, 0o1777)
  return join(common, `user${within.join('').replace(/\W/g, '')}`)
}

/** What a test does in the tree: anchors on a server, by way of a mount that may be another's. */
export function workplace(
  mount: string,
  self: string,
  within: readonly string[] = [],
): Pick<TestServer, 'sh' | 'anchor'> {
  let anchors = 0
  const sh = (script: string, shell: ShellOptions = {}): Promise<Outcome> =>
    runShell(script, { within, ...shell, env: { M: mount, S: self, ...shell.env } })
  return {
    sh,
    async anchor(command) {
      const path = join(self, `t${++anchors}`)
      const made = await sh(`mkdir "$A" && { [ -z "$C" ] || printf '%s\\n' "$C" > "$A/ctl"; }`, {
        env: { A: path, C: command ?? '' },
      })
      if (made.status !== 0) throw new Error(`can't make ${path} with ${command}: ${made.stderr}`)
      return path
    },
  }
}

/** Runs a shell script to its end. Rejects when it takes too long. */
export function runShell(script: string, options: ShellOptions = {}): Promise<Outcome> {
  const [program = 'sh', ...words] = [...(options.within ?? []), ...(options.shell ?? 'sh').split(' ')]
  const limit = options.limit ?? 20_000
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      [...words, '-c', script],
      {
        env: { ...process.env, ...options.env },
        maxBuffer: 1 << 28,
        timeout: limit,
        killSignal: 'SIGKILL',
        cwd: '/',
      },
      (error, stdout, stderr) => {
        if (child.exitCode === null && child.signalCode === 'SIGKILL' && error?.killed)
          return reject(new Error(`took longer than ${limit} ms: ${script}\n${stdout}${stderr}`))
        resolve({ status: child.exitCode ?? 128 + 9, stdout, stderr })
      },
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
  })
}

/** Whether something is mounted right there. */
export const isMounted = (directory: string): boolean =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[1] === directory)

async function detach(directory: string): Promise<void> {
  while (isMounted(directory)) await runShell('umount -l "$D"', { env: { D: directory } })
}

/** Awaits until something holds, looking often; rejects after `limit` ms. For what announces itself by no event. */
export async function until(holds: () => boolean | Promise<boolean>, limit = 10_000): Promise<void> {
  for (const end = Date.now() + limit; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`did not come true within ${limit} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
