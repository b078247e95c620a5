/**
 * A thread that starts children and hears of their end. It is a thread of its own because starting a process
 * waits for the child's chdir(2) and exec(2): in a directory on a dead network filesystem, or on the tree that
 * this very server serves, that would stop the server. Here it stops only the next start.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  constants,
  fchownSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parentPort } from 'node:worker_threads'
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

/** Both ends of a pipe: the child's blocks, the server's does not. */
interface Pair {
  readonly child: number
  readonly server: number
}

const POOL_PAIRS = 16

/**
 * Pipes are made as FIFOs, a batch at a time, opened and unlinked at once: Node has no pipe(2), and gives children
 * socket pairs, on which `echo > /dev/stdout` fails.
 */
class PipePool {
  readonly #inputs: Pair[] = []
  readonly #outputs: Pair[] = []

  takeInput(): Pair {
    if (this.#inputs.length === 0) this.refill()
    return this.#inputs.pop() ?? outOfPipes()
  }

  takeOutput(): Pair {
    if (this.#outputs.length === 0) this.refill()
    return this.#outputs.pop() ?? outOfPipes()
  }

  get low(): boolean {
    return this.#inputs.length < POOL_PAIRS / 2 || this.#outputs.length < POOL_PAIRS
  }

  /** @throws the system's error when out of descriptors */
  refill(): void {
    const dir = mkdtempSync(join(tmpdir(), 'circuit-pipes-'))
    const paths = Array.from({ length: POOL_PAIRS * 3 }, (_, n) => join(dir, String(n)))
    try {
      const made = spawnSync('mkfifo', ['-m', '600', ...paths], {
        stdio: ['ignore', 'ignore', 'pipe'],
        cwd: '/',
      })
      if (made.error) throw made.error
      for (const [n, path] of paths.entries()) {
        if (n < POOL_PAIRS) this.#inputs.push(openPair(path, 'input'))
        else this.#outputs.push(openPair(path, 'output'))
      }
    } finally {
      for (const path of paths) unlinkIfThere(path)
      rmdirSync(dir)
    }
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function outOfPipes(): never {
  throw Object.assign(new Error('no pipe could be made for the process'), { code: 'EMFILE' })
}

/** Opening one end of a FIFO blocks until the other is open: a non-blocking reader comes first. */
function openPair(path: string, direction: 'input' | 'output'): Pair {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants
  const reader = openSync(path, O_RDONLY | O_NONBLOCK)
  if (direction === 'output') return { server: reader, child: openSync(path, O_WRONLY) }
  const server = openSync(path, O_WRONLY | O_NONBLOCK)
  const child = openSync(path, O_RDONLY)
  closeSync(reader)
  return { server, child }
}

const pool = new PipePool()

function start(id: number, request: SpawnRequest): void {
  const pairs: Pair[] = []
  const take = (pair: Pair): Pair => {
    pairs.push(pair)
    return pair
  }
  try {
    const stdin = take(pool.takeInput())
    const [stdout, stderr] = request.outputs.map((kind) =>
      kind === 'pipe' ? take(pool.takeOutput()) : undefined,
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
  if (pool.low) setImmediate(() => pool.low && pool.refill())
}

function closeIfOpen(fd: number): void {
  try {
    closeSync(fd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
  }
}

function fail(id: number, request: SpawnRequest, error: NodeJS.ErrnoException): void {
  post({ id, type: 'failed', code: error.code ?? 'EPROTO', reason: explain(request, error) })
}

/** execve(2) says ENOENT for a missing program, a missing interpreter and a missing directory alike. */
function explain(request: SpawnRequest, error: NodeJS.ErrnoException): string {
  if (statSync(request.dir, { throwIfNoEntry: false }) === undefined)
    return `there is no directory ${request.dir} to run it in`
  if (error.code === 'EPERM') return 'this server may not run programs as another user'
  if (error.code === 'EACCES')
    return `${request.file} is not a program that this user may run, or ${request.dir} may not be entered`
  if (error.code === 'E2BIG') return 'its arguments and environment are too long'
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
  parentPort.on('message', ({ id, request }: ToWorker) => start(id, request))
  pool.refill()
}
