/** `circuit start`: runs a server in the foreground and mounts the tree. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { commandToMountAsUser, mount, unmount } from '../fs/kernel/mount.ts'
import type { ReaderKind } from '../fs/kernel/reader.ts'
import { type Mounted, serve } from '../fs/mounted.ts'
import { Server } from '../node/server.ts'
import type { Command } from './command.ts'
import { type Parsed, parseOptions, UsageError } from './options.ts'

const OPTIONS = {
  mount: {
    type: 'string',
    value: 'DIR',
    help: 'where to mount the tree (default /circuit for root, ~/circuit for others; made if missing)',
  },
  'no-mount': { type: 'boolean', help: 'mount nothing' },
  name: {
    type: 'string',
    value: 'NAME',
    help: "the server's name below by-name/ (default: the host's name)",
  },
  'allow-group': {
    type: 'string',
    value: 'GROUP',
    help: 'members of this group may use the mount as the owner may: run programs as this user, that is',
  },
} as const

export const start: Command = {
  usage: 'circuit start [--mount DIR | --no-mount] [--name NAME] [--allow-group GROUP]',
  summary: 'run a server here, in the foreground, and mount the tree',
  options: OPTIONS,
  details: `It stops in order at SIGINT or SIGTERM: whoever is blocked in the tree is answered, the tree is unmounted, and the
processes that it runs (but those made with "Detach": true) get TERM and, after 5 s, KILL.`,
  async run(args) {
    const { values, words } = parseOptions(args, OPTIONS)
    if (words.length > 0) throw new UsageError(`start takes no argument: ${words[0]}`)
    if (values['no-mount'] && values.mount !== undefined)
      throw new UsageError('--mount and --no-mount contradict each other')
    checkName(values.name)
    if (values['no-mount']) return run(values, undefined)
    const directory = makeDirectory(values.mount ?? defaultDirectory())
    const command = commandToMountAsUser({ directory, shared: values['allow-group'] !== undefined })
    return command ? become(command) : run(values, directory)
  },
}

function checkName(name: string | undefined): void {
  if (name !== undefined && !/^[^/\0]{1,255}$/.test(name))
    throw new UsageError(`a server's name has no slash and 1 to 255 characters: ${JSON.stringify(name)}`)
}

const defaultDirectory = (): string => (process.getuid?.() === 0 ? '/circuit' : join(homedir(), 'circuit'))

function makeDirectory(directory: string): string {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    // A dead mount in the way is there, but neither a directory nor a file: mount() clears it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOTCONN') throw error
    return join(realpathSync(join(directory, '..')), directory.split('/').filter(Boolean).at(-1) ?? '')
  }
  return realpathSync(directory)
}

async function run(values: Parsed<typeof OPTIONS>, directory: string | undefined): Promise<number> {
  // A server outlives the terminal or the pipe that its messages go to.
  process.stderr.on('error', () => {})
  // A bug of ours must not take with it what others run here.
  process.on('uncaughtException', (error) => console.error('circuit: internal error:', error))
  let stop: () => void = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const server = new Server({ onStop: stop, ...(values.name !== undefined && { name: values.name }) })
  const mounted =
    directory === undefined ? undefined : await mountTree(server, directory, values['allow-group'])
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  say(`server ${server.id} (${server.name})${mounted ? `, mounted on ${directory}` : ''}`)
  if (directory !== undefined) say(firstSteps(directory))
  const why = await Promise.race([
    stopped.then(() => 'stop' as const),
    ...(mounted ? [mounted.ended] : [idle()]),
  ])
  if (why !== 'stop')
    say(why ? `${directory} can't be served: ${why.message}` : `${directory} was unmounted; stopping`)
  await mounted?.stop()
  server.close()
  say('stopped')
  // Unmounting lazily may leave the kernel's side busy, and the reader with it: nothing is left to wait for.
  process.exit(0)
}

/** A server without a mount has nothing else that would keep the event loop alive. */
function idle(): Promise<never> {
  setInterval(() => {}, 2 ** 31 - 1)
  return new Promise(() => {})
}

async function mountTree(server: Server, directory: string, group: string | undefined): Promise<Mounted> {
  const gid = group === undefined ? undefined : findGroup(group)
  const fd = await mount({ directory, shared: gid !== undefined })
  const owner = {
    uid: process.getuid?.() ?? 0,
    gid: gid ?? process.getgid?.() ?? 0,
    group: gid !== undefined,
  }
  const reader = process.env.CIRCUIT_FUSE_READER as ReaderKind | undefined
  const mounted = serve(fd, server.circuit, {
    owner,
    isOwn: (path) => path.startsWith(`/${server.id}`),
    unmount: () => unmount(directory),
    ...(reader && { reader }),
  })
  server.addMetrics(() => mounted.metrics())
  return mounted
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
  const child = spawn(program, args, { stdio: 'inherit' })
  // The terminal sends SIGINT to both; what is sent to this process only must be passed on.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
  process.on('SIGINT', () => {})
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)))
  })
}

function findProgram(name: string): string {
  return execFileSync('/bin/sh', ['-c', 'command -v -- "$1"', 'sh', name], { encoding: 'utf8' }).trim()
}

/** Three lines to try. */
const firstSteps = (directory: string): string => `try, in another shell:
  cat ${directory}/help
  mkdir ${directory}/self/hi && echo 'run echo hello, world' > ${directory}/self/hi/ctl
  cat ${directory}/self/hi/stdout; cat ${directory}/self/hi/wait; rmdir ${directory}/self/hi`

const say = (text: string): void => console.error(`circuit: ${text}`)
