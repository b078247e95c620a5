/**
 * A thread that starts children and hears of their end. It is a thread of its own because starting a process
 * waits for the child's chdir(2) and exec(2): in a directory on a dead network filesystem, or on the tree that
 * this very server serves, that would stop the server. Here it stops only the next start.
 */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, fchownSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
import { type Pair, PipePool } from './pipe-pool.ts'
import { startTime } from './proc.ts'

export interface SpawnRequest {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly dir: string
  readonly user?: { readonly uid: number; readonly gid: number }
  /** What stdout and stderr are to the child: a pipe, or /dev/null. */
  readonly outputs: readonly ['pipe' | 'null', 'pipe' | 'null']
}

/** The server's ends of the child's pipes: open descriptors of this process, non-blocking; the receiver closes them. */
export interface Pipes {
  readonly stdin: number
  readonly stdout: number | undefined
  readonly stderr: number | undefined
}

export type FromWorker =
  | {
      readonly id: number
      readonly type: 'spawned'
      readonly pid: number
      /** Undefined when it has ended already. */
      readonly started: string | undefined
      readonly pipes: Pipes
    }
  | { readonly id: number; readonly type: 'failed'; readonly code: string; readonly reason: string }
  | {
      readonly id: number
      readonly type: 'exited'
      readonly code: number | null
      readonly signal: NodeJS.Signals | null
    }

export type ToWorker = { readonly id: number; readonly request: SpawnRequest }

const pool = new PipePool()

async function start(id: number, request: SpawnRequest): Promise<void> {
  const pairs: Pair[] = []
  const take = (pair: Pair): Pair => {
    pairs.push(pair)
    return pair
  }
  try {
    const stdin = take(await pool.take('input'))
    const [stdout, stderr] = await Promise.all(
      request.outputs.map(async (kind) => (kind === 'pipe' ? take(await pool.take('output')) : undefined)),
    )
    // The child may open /dev/stdout anew: that is checked against the owner of the pipe.
    if (request.user) for (const pair of pairs) fchownSync(pair.child, request.user.uid, request.user.gid)
    const child = spawn(request.file, request.args, {
      env: request.env,
      cwd: request.dir,
      detached: true,
      ...request.user,
      stdio: [stdin.child, stdout?.child ?? 'ignore', stderr?.child ?? 'ignore'],
    })
    child.on('error', (error) => {
      if (child.pid !== undefined) return
      for (const pair of pairs) closeSync(pair.server)
      fail(id, request, error)
    })
    child.on('exit', (code, signal) => post({ id, type: 'exited', code, signal }))
    for (const pair of pairs) closeSync(pair.child)
    if (child.pid === undefined) return
    const pipes = { stdin: stdin.server, stdout: stdout?.server, stderr: stderr?.server }
    post({ id, type: 'spawned', pid: child.pid, started: startTime(child.pid), pipes })
  } catch (error) {
    for (const pair of pairs) {
      closeIfOpen(pair.child)
      closeIfOpen(pair.server)
    }
    fail(id, request, error as NodeJS.ErrnoException)
  }
  setImmediate(refill)
}

/** What goes wrong here goes wrong again, and is told, when a pipe is needed. */
function refill(): void {
  pool.refill().catch(() => {})
}

function closeIfOpen(fd: number): void {
  try {
    closeSync(fd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
  }
}

function fail(id: number, request: SpawnRequest, error: NodeJS.ErrnoException): void {
  // execvp(3) says EACCES of a program that is nowhere, too, where a directory in PATH may not be entered.
  if (error.code === 'EACCES' && isNowhere(request)) error.code = 'ENOENT'
  post({ id, type: 'failed', code: error.code ?? 'EPROTO', reason: explain(request, error) })
}

/** Whether no directory in PATH has the program, as far as we may look. */
function isNowhere({ file, env }: SpawnRequest): boolean {
  const directories = (env.PATH ?? '/bin:/usr/bin').split(':')
  return !file.includes('/') && !directories.some((directory) => existsSync(join(directory, file)))
}

/** execve(2) says ENOENT for a missing program, a missing interpreter and a missing directory alike. */
function explain(request: SpawnRequest, error: NodeJS.ErrnoException): string {
  if (statSync(request.dir, { throwIfNoEntry: false }) === undefined)
    return `there is no directory ${request.dir} to run it in`
  if (error.code === 'EPERM') return 'this server may not run programs as another user'
  if (error.code === 'EACCES')
    return `${request.file} is not a program that this user may run, or ${request.dir} may not be entered`
  if (error.code === 'ENOTDIR') return `a part of ${request.file} or of ${request.dir} is not a directory`
  if (error.code === 'E2BIG') return 'its arguments and environment are too long'
  if (error.code === 'EMFILE' || error.code === 'ENFILE')
    return 'the server has no file descriptors left; a process takes three (ulimit -n)'
  if (error.code === 'EAGAIN') return 'the system has reached its limit of processes'
  if (error.code !== 'ENOENT') return error.message
  if (!request.file.includes('/')) return `there is no program ${request.file} in PATH`
  const there = statSync(request.file, { throwIfNoEntry: false }) !== undefined
  return there
    ? `the interpreter that ${request.file} names does not exist`
    : `there is no program ${request.file}`
}

const post = (message: FromWorker): void => parentPort?.postMessage(message)

if (parentPort) {
  parentPort.on('message', ({ id, request }: ToWorker) => void start(id, request))
  refill()
}
