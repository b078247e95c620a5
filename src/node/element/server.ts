/** The element of a server anchor: the server itself, its log and its numbers. */
import { BaseHandle, type Cancel, type Direction, type Readiness, TextHandle } from '../handle.ts'
import type { Host } from '../host.ts'
import type { OpLog } from '../oplog.ts'
import { WaitQueue, Watchers } from '../wait-queue.ts'
import { defineKind, type Element, expectWords, type Kind, type VerbSpec } from './kind.ts'

/** Events that wait for a slow reader; beyond that the oldest go. */
const MAX_PENDING_EVENTS = 4096

export class ServerElement implements Element {
  readonly host: Host

  constructor(host: Host) {
    this.host = host
  }

  get kind(): Kind {
    return serverKind
  }

  get alive(): boolean {
    return true
  }

  peek(): unknown {
    return this.host.describe()
  }

  scrub(): void {}
}

/** An open `events`: the operations from now on, as JSON lines, until it is closed. */
class EventsHandle extends BaseHandle {
  readonly #readers = new WaitQueue()
  readonly #watchers = new Watchers()
  readonly #stop: Cancel
  #pending: string[] = []
  #lost = 0
  /** The rest of the line that is being read, and what the last read gave of it. */
  #rest: Buffer = Buffer.alloc(0)
  #last: Buffer = Buffer.alloc(0)

  constructor(log: OpLog) {
    super()
    this.#stop = log.listen((line) => this.#hear(line))
  }

  #hear(line: string): void {
    this.#pending.push(line)
    if (this.#pending.length > MAX_PENDING_EVENTS) {
      this.#lost += this.#pending.length - MAX_PENDING_EVENTS / 2
      this.#pending = this.#pending.slice(-MAX_PENDING_EVENTS / 2)
    }
    // After the operation that is told has been answered.
    setImmediate(() => {
      this.#readers.wakeWhile(() => this.#readable)
      this.#watchers.notify()
    })
  }

  get #readable(): boolean {
    return this.#rest.length > 0 || this.#pending.length > 0
  }

  override read(max: number): Uint8Array | undefined {
    if (!this.#readable) return undefined
    if (this.#rest.length === 0) {
      const gap = this.#lost > 0 ? `${JSON.stringify({ lost: this.#lost })}\n` : ''
      this.#rest = Buffer.from(gap + this.#pending.splice(0, 256).join(''))
      this.#lost = 0
    }
    this.#last = this.#rest.subarray(0, max)
    this.#rest = this.#rest.subarray(max)
    return this.#last
  }

  override unread(): void {
    this.returned(this.#last)
  }

  override get streaming(): boolean {
    return true
  }

  override returned(bytes: Uint8Array): void {
    this.#rest = Buffer.concat([bytes, this.#rest])
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#readers.add(wake)
  }

  override ready(): Readiness {
    return { readable: this.#readable, writable: false, hangup: false }
  }

  override watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  override close(): void {
    this.#stop()
  }
}

const leave = (verb: string): VerbSpec<ServerElement> => ({
  usage: verb,
  help: 'stop this server in order: its processes end, its tree is unmounted',
  run: (_server, command, host) => {
    expectWords(command, verb, 0)
    host.stop()
  },
})

const join: VerbSpec<ServerElement> = {
  usage: 'join URL',
  help: "make this server's circuit and that of the server at URL one",
  run: (_server, command, host) => {
    const [url = ''] = expectWords(command, 'join URL', 1)
    return host.join(url)
  },
}

export const serverKind: Kind = defineKind<ServerElement>({
  name: 'server',
  files: {
    log: {
      access: 'read',
      nature: 'text',
      help: "this server's last operations in the order of their execution, one JSON object a line",
      open: (server) => new TextHandle(server.host.log.text()),
    },
    events: {
      access: 'read',
      nature: 'stream',
      help: 'the same from now on, as it happens',
      open: (server) => new EventsHandle(server.host.log),
    },
    metrics: {
      access: 'read',
      nature: 'text',
      help: "this server's numbers, in Prometheus' text format",
      open: (server) => new TextHandle(server.host.metrics()),
    },
  },
  verbs: { join, leave: leave('leave'), suicide: leave('suicide') },
  makers: {},
})
