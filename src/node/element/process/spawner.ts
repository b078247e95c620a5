/** Starts processes, through a thread (spawn-worker.ts), and keeps the guard informed of them. */
import { Worker } from 'node:worker_threads'
import { CircuitError, type ErrorCode } from '../../../proto/errors.ts'
import { Guard } from './guard.ts'
import type { FromWorker, Pipes, SpawnRequest, ToWorker } from './spawn-worker.ts'

export interface Exit {
  /** Exit code, or null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  readonly pid: number
  readonly pipes: Pipes
  readonly exited: Promise<Exit>
}

interface Pending {
  readonly request: SpawnRequest
  readonly detach: boolean
  readonly resolve: (child: Child) => void
  readonly reject: (error: CircuitError) => void
  readonly exited: Promise<Exit>
  readonly exit: (exit: Exit) => void
  pid?: number
}

/** A thread that has not answered for this long is taken to be stuck in a directory that does not answer. */
const STUCK_MS = 1000
const MAX_THREADS = 8

/** One worker, and the starts that it has been asked for. */
interface Thread {
  readonly worker: Worker
  /** When it was given the oldest request that it has not answered, in ms, by id. */
  readonly asked: Map<number, number>
}

export class Spawner {
  readonly #threads: Thread[] = []
  readonly #children = new Map<number, Pending>()
  readonly #guard = new Guard()
  #lastId = 0

  /** Processes that run now. */
  get running(): number {
    let running = 0
    for (const child of this.#children.values()) if (child.pid !== undefined) running++
    return running
  }

  /**
   * Starts a process in a session of its own. `detach`: it outlives the server.
   * @throws CircuitError ENOENT EACCES EINVAL … in words
   */
  spawn(request: SpawnRequest, detach: boolean): Promise<Child> {
    let exit: (exit: Exit) => void = () => {}
    const exited = new Promise<Exit>((resolve) => {
      exit = resolve
    })
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId
      this.#children.set(id, { request, detach, resolve, reject, exited, exit })
      const thread = this.#pickThread()
      thread.asked.set(id, Date.now())
      const message: ToWorker = { id, request }
      thread.worker.postMessage(message)
    })
  }

  /** Ends the children that are not detached, by way of the guard, which gives them their time. */
  close(): void {
    this.#guard.release()
  }

  #pickThread(): Thread {
    const now = Date.now()
    const stuck = (thread: Thread): boolean => {
      const [oldest] = thread.asked.values()
      return oldest !== undefined && now - oldest > STUCK_MS
    }
    const free = this.#threads.find((thread) => !stuck(thread))
    if (free) return free
    const [first] = this.#threads
    return first && this.#threads.length >= MAX_THREADS ? first : this.#startThread()
  }

  #startThread(): Thread {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./spawn-worker.${extension}`, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
      // It opens descriptors that are closed here: they are not its own to close at its end, nor to warn of.
      trackUnmanagedFds: false,
    })
    const thread: Thread = { worker, asked: new Map() }
    worker.on('message', (message: FromWorker) => this.#heard(thread, message))
    worker.on('error', (error) => this.#lost(thread, error))
    worker.unref()
    this.#threads.push(thread)
    return thread
  }

  #heard(thread: Thread, message: FromWorker): void {
    thread.asked.delete(message.id)
    const child = this.#children.get(message.id)
    if (child === undefined) return
    switch (message.type) {
      case 'spawned':
        child.pid = message.pid
        if (!child.detach && message.started !== undefined) this.#guard.add(message.pid, message.started)
        return child.resolve({ pid: message.pid, pipes: message.pipes, exited: child.exited })
      case 'failed':
        this.#children.delete(message.id)
        return child.reject(
          new CircuitError(
            spawnErrorCode(message.code),
            `can't run ${child.request.file}: ${message.reason}`,
          ),
        )
      case 'exited':
        this.#children.delete(message.id)
        if (child.pid !== undefined) this.#guard.remove(child.pid)
        return child.exit(message)
    }
  }

  #lost(thread: Thread, cause: unknown): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1)
    for (const id of thread.asked.keys()) {
      this.#children
        .get(id)
        ?.reject(new CircuitError('EPROTO', 'the thread that starts processes failed', { cause }))
      this.#children.delete(id)
    }
  }
}

const SPAWN_ERRORS: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'ENOENT',
  ENOTDIR: 'ENOTDIR',
  EACCES: 'EACCES',
  EPERM: 'EACCES',
  ENOEXEC: 'EACCES',
  EMFILE: 'EMFILE',
  ENFILE: 'EMFILE',
  EAGAIN: 'ENOMEM',
  ENOMEM: 'ENOMEM',
}

const spawnErrorCode = (code: string): ErrorCode => SPAWN_ERRORS[code] ?? 'EINVAL'
