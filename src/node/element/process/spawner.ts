/** Starts processes, through a thread (spawn-worker.ts), and keeps the guard informed of them. */
import { Worker } from 'node:worker_threads'
import { CircuitError, type ErrorCode } from '../../../proto/errors.ts'
import type { Exit } from '../job/exit.ts'
import { Guard } from './guard.ts'
import { exitOfZombie } from './proc.ts'
import type { FromWorker, Pipes, SpawnRequest, ToWorker } from './spawn-worker.ts'

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
/** While one is stuck, its children are looked after this often. */
const LOOK_MS = 100
const MAX_THREADS = 8

/** A worker, which makes one start at a time, so that none waits behind one that is stuck. */
interface Thread {
  readonly worker: Worker
  /** What it is starting, and since when, in ms. */
  busy: { readonly id: number; readonly since: number } | undefined
  /** Processes that it has started, and of whose end it will tell. */
  readonly children: Set<number>
}

export class Spawner {
  readonly #threads: Thread[] = []
  /** Starts that no thread has been given yet. */
  readonly #waiting: ToWorker[] = []
  #watchdog: NodeJS.Timeout | undefined
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
      this.#waiting.push({ id, request })
      this.#dispatch()
    })
  }

  /** Ends the children that are not detached, by way of the guard, which gives them their time. */
  close(): void {
    this.#guard.release()
  }

  #dispatch(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const thread = this.#freeThread()
      if (thread === undefined) return
      this.#waiting.shift()
      thread.busy = { id: next.id, since: Date.now() }
      thread.worker.postMessage(next)
      this.#watchdog ??= setTimeout(() => this.#watch(), STUCK_MS).unref()
    }
  }

  /** A thread that starts nothing now; one more where all others are stuck. */
  #freeThread(): Thread | undefined {
    const free = this.#threads.find((thread) => thread.busy === undefined)
    if (free) return free
    return this.#threads.length < MAX_THREADS && this.#threads.every(isStuck)
      ? this.#startThread()
      : undefined
  }

  /** A thread that is stuck starts nothing, and hears of no end of its children. */
  #watch(): void {
    this.#watchdog = undefined
    const stuck = this.#threads.filter(isStuck)
    for (const { children } of stuck) for (const id of children) this.#lookAfter(id)
    if (this.#threads.some(({ busy }) => busy))
      this.#watchdog = setTimeout(() => this.#watch(), stuck.length > 0 ? LOOK_MS : STUCK_MS).unref()
    this.#dispatch()
  }

  #lookAfter(id: number): void {
    const pid = this.#children.get(id)?.pid
    const exit = pid === undefined ? undefined : exitOfZombie(pid)
    if (exit) this.#exited(id, exit)
  }

  #startThread(): Thread {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./spawn-worker.${extension}`, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 },
      // It opens descriptors that are closed here: they are not its own to close at its end, nor to warn of.
      trackUnmanagedFds: false,
    })
    const thread: Thread = { worker, busy: undefined, children: new Set() }
    worker.on('message', (message: FromWorker) => this.#heard(thread, message))
    worker.on('error', (error) => this.#lost(thread, error))
    worker.unref()
    this.#threads.push(thread)
    return thread
  }

  #heard(thread: Thread, message: FromWorker): void {
    if (message.type === 'exited') {
      thread.children.delete(message.id)
      return this.#exited(message.id, message)
    }
    thread.busy = undefined
    this.#dispatch()
    const child = this.#children.get(message.id)
    if (child === undefined) return
    switch (message.type) {
      case 'spawned':
        child.pid = message.pid
        thread.children.add(message.id)
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
    }
  }

  #exited(id: number, exit: Exit): void {
    const child = this.#children.get(id)
    if (child === undefined) return
    this.#children.delete(id)
    if (child.pid !== undefined) this.#guard.remove(child.pid)
    child.exit(exit)
  }

  #lost(thread: Thread, cause: unknown): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1)
    const id = thread.busy?.id
    if (id !== undefined) {
      this.#children
        .get(id)
        ?.reject(new CircuitError('EPROTO', 'the thread that starts processes failed', { cause }))
      this.#children.delete(id)
    }
    this.#dispatch()
  }
}

const isStuck = ({ busy }: Thread): boolean => busy !== undefined && Date.now() - busy.since >= STUCK_MS

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
