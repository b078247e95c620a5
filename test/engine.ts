/**
 * A real Docker engine for tests, beside any other: on a socket and a data folder of its own, with one image, made here from
 * busybox. It builds no network. Everything that it makes is gone when the test ends, also after a failure.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Outcome, runShell, type Scope, until } from './server.ts'

/** The image that is there. */
export const IMAGE = 'circuit/busybox:1'

const has = (program: string): boolean =>
  ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/bin'].some((directory) =>
    existsSync(join(directory, program)),
  )

/** Why tests that need an engine can't run here; false where they can. To be passed as tap's `skip`. */
export const noEngine: string | false =
  process.getuid?.() !== 0
    ? 'needs root'
    : (['dockerd', 'docker', 'busybox']
        .find((program) => !has(program))
        ?.concat(' is missing: needs docker.io, busybox-static') ??
      (existsSync('/dev/fuse') ? false : 'needs /dev/fuse'))

export interface TestEngine {
  /** What makes a server use it. */
  readonly env: { readonly DOCKER_HOST: string }
  /** Process ids of the engine and of what it has started, the containers' own processes too. */
  processes(): number[]
  /** What a shell script prints, in which `docker` speaks to it, and which must succeed. */
  print(script: string): Promise<string>
  /** Kills it, as SIGKILL does; its containers stay until it starts again. */
  kill(): Promise<void>
  /** Starts it again. */
  start(): Promise<void>
}

const MAKE_IMAGE = `
set -e
cd "$D"
mkdir -p root/bin root/etc root/tmp root/proc root/sys root/dev root/usr/bin
chmod 1777 root/tmp
cp "$(command -v busybox)" root/bin/busybox
chroot root /bin/busybox --install -s /bin
printf 'root:x:0:0:root:/root:/bin/sh\\nnobody:x:65534:65534:nobody:/:/bin/sh\\n' > root/etc/passwd
printf 'root:x:0:\\nnogroup:x:65534:\\n' > root/etc/group
tar -C root --numeric-owner -c . | docker import -c 'ENV PATH=/bin:/usr/bin' -c 'CMD ["/bin/sh"]' - "$IMAGE"
rm -r root
`

/** The command that makes a container of IMAGE. */
export const mkdkr = (fields: object): string => `mkdkr ${JSON.stringify({ Image: IMAGE, ...fields })}`

const unavailable = (): never => {
  throw new Error(`there is no engine: ${noEngine}`)
}

/** What there is where the tests that need an engine are skipped. */
const NONE: TestEngine = {
  env: { DOCKER_HOST: '' },
  print: unavailable,
  start: unavailable,
  kill: unavailable,
  processes: unavailable,
}

/** Starts an engine, with IMAGE in it, where there can be one; the test's teardown stops it. */
export async function startEngine(t: Scope): Promise<TestEngine> {
  if (noEngine) return NONE
  const directory = mkdtempSync(join(tmpdir(), 'engine-'))
  const socket = join(directory, 'd.sock')
  const env = { DOCKER_HOST: `unix://${socket}` }
  const sh = (script: string): Promise<Outcome> =>
    runShell(script, { env: { ...env, DOCKER_CONFIG: directory, D: directory, IMAGE }, limit: 60_000 })
  let child: ChildProcess | undefined
  let over = false
  const start = async (): Promise<void> => {
    // One that was killed may have left a containerd that is about to end, whose lock the next one needs.
    for (let tries = 0; ; tries++) {
      // A test may end while its engine starts.
      if (over) throw new Error('the test has ended')
      child = launch(directory, socket)
      if (await answers(child, socket)) return
      if (tries === 5)
        throw new Error(`the engine does not start: ${readFileSync(join(directory, 'log'), 'utf8')}`)
    }
  }
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }
  t.teardown(async () => {
    over = true
    await sh('docker ps -aq | xargs -r docker rm -fv').catch(() => {})
    const patience = setTimeout(() => void stop('SIGKILL'), 10_000)
    await stop('SIGTERM')
    clearTimeout(patience)
    for (const pid of processesOf(directory)) kill(pid)
    await until(() => processesOf(directory).length === 0)
    for (const place of mountsBelow(directory)) execFileSync('umount', ['-l', place])
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  })
  await start()
  const print = async (script: string): Promise<string> => {
    const { status, stdout, stderr } = await sh(script)
    if (status !== 0) throw new Error(`status ${status}: ${script}\n${stderr}`)
    return stdout.trim()
  }
  await print(MAKE_IMAGE)
  return { env, print, start, kill: () => stop('SIGKILL'), processes: () => processesOf(directory) }
}

function launch(directory: string, socket: string): ChildProcess {
  const below = (name: string): string => join(directory, name)
  mkdirSync(below('data'), { recursive: true })
  // Not the machine's own settings.
  writeFileSync(below('daemon.json'), '{}')
  const log = openSync(below('log'), 'a')
  const { NOTIFY_SOCKET: _, ...env } = process.env
  const network = [
    '--iptables=false',
    '--ip6tables=false',
    '--ip-forward=false',
    '--ip-masq=false',
    '--bridge=none',
  ]
  return spawn(
    'dockerd',
    [
      `--host=unix://${socket}`,
      `--config-file=${below('daemon.json')}`,
      `--data-root=${below('data')}`,
      `--exec-root=${below('exec')}`,
      `--pidfile=${below('pid')}`,
      ...network,
    ],
    { stdio: ['ignore', log, log], env: { ...env, PATH: `/usr/sbin:/sbin:${env.PATH}` }, detached: true },
  )
}

/** Whether it comes to answer, or ends before that. */
async function answers(child: ChildProcess, socket: string): Promise<boolean> {
  let ended = false
  child.on('error', () => {
    ended = true
  })
  child.on('exit', () => {
    ended = true
  })
  const ping = async (): Promise<boolean> =>
    (await runShell('docker version > /dev/null 2>&1', { env: { DOCKER_HOST: `unix://${socket}` } }))
      .status === 0
  await until(async () => ended || (existsSync(socket) && (await ping())), 30_000)
  return !ended
}

/** The engine, its containerd and shims, which have the folder in their words or environment, and what is below these. */
function processesOf(directory: string): number[] {
  const parents = new Map<number, number>()
  const own = new Set<number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = /^PPid:\t(\d+)/m.exec(readIfThere(`/proc/${name}/status`))?.[1]
    const state = /^State:\t(.)/m.exec(readIfThere(`/proc/${name}/status`))?.[1]
    if (parent === undefined || state === 'Z' || state === 'X') continue
    parents.set(Number(name), Number(parent))
    const program = readIfThere(`/proc/${name}/comm`).trim()
    if (!/^(dockerd|containerd|runc|docker-)/.test(program)) continue
    if (readIfThere(`/proc/${name}/cmdline`).includes(`${directory}/`)) own.add(Number(name))
  }
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at; at = parents.get(at)) if (own.has(at)) return true
    return false
  }
  return [...parents.keys()].filter(isBelow)
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** Mount points below a folder, the innermost first. */
const mountsBelow = (directory: string): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place.startsWith(`${directory}/`))
    .reverse()
