/** One server: puts its parts together. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { asCircuitError } from '../proto/errors.ts'
import { formatUrl } from '../proto/url.ts'
import { Budget } from './budget.ts'
import { Circuit } from './circuit.ts'
import type { Timing } from './cluster/timing.ts'
import { Beacons } from './discovery/beacons.ts'
import type { Group } from './discovery/caller.ts'
import { Discovery, type Way } from './discovery/discovery.ts'
import { Known } from './discovery/known.ts'
import { Spawner } from './element/process/spawner.ts'
import type { Host } from './host.ts'
import { LocalTree } from './local-tree.ts'
import { CircuitMembers } from './members.ts'
import { formatMetrics, type Metric } from './metrics.ts'
import type { Namespace } from './namespace.ts'
import { OpLog } from './oplog.ts'
import type { Key } from './peer/key.ts'
import { VERSION } from './version.ts'

/** Bytes that messages may occupy in all channels of a server together, beyond what receivers wait for. */
const MESSAGE_BUDGET_BYTES = 256 << 20

/** Whoever tells the server to stop is answered before the news that it leaves are out, in ms. */
const ANSWER_MS = 20

export interface ServerOptions {
  /** What `by-name` calls it. Default: the host's name. */
  readonly name?: string
  /** Called when the server is told to stop through the tree. */
  readonly onStop: () => void
  /** Keys of the circuit: the first is used to dial, all are accepted. None: plaintext. */
  readonly keys: readonly Key[]
  /** Whether containers may be made here, on the Docker engine of this host. */
  readonly docker?: boolean
  /** How fast membership is. Default: for one network. */
  readonly timing?: Timing
  /** Told what happens to other servers, in words. */
  readonly onNews: (text: string) => void
}

export interface DiscoverOptions {
  /** A multicast group to call out to. */
  readonly group: Group | undefined
  /** By multicast DNS, as Avahi and Bonjour speak it. */
  readonly mdns: boolean
  /** Addresses of this host on whose interfaces others are looked for. */
  readonly interfaces: readonly string[]
}

export class Server {
  readonly id = `X${randomBytes(8).toString('hex')}`
  readonly name: string
  readonly circuit: Namespace
  readonly log = new OpLog()
  readonly #joined = new Date()
  readonly #host: Host
  readonly #tree: LocalTree
  readonly #spawner = new Spawner()
  readonly #budget = new Budget(MESSAGE_BUDGET_BYTES)
  readonly #sources: (() => readonly Metric[])[] = []
  readonly #foreign: ((path: string) => Promise<void>)[] = []
  readonly #members: CircuitMembers
  readonly #keys: readonly Key[]
  readonly #onNews: (text: string) => void
  #discovery: Discovery | undefined
  #known: Known | undefined

  constructor(options: ServerOptions) {
    this.name = options.name ?? hostname()
    this.#keys = options.keys
    this.#onNews = options.onNews
    const host: Host = {
      id: this.id,
      name: this.name,
      spawner: this.#spawner,
      log: this.log,
      docker: options.docker ?? false,
      messageBudget: this.#budget,
      members: () => this.#members,
      describe: () => this.#describe(),
      changedByOthers: async (path) => {
        await Promise.all(this.#foreign.map((told) => told(path)))
      },
      join: (url) => this.join(url),
      metrics: () => formatMetrics([...this.#metrics(), ...this.#sources.flatMap((source) => source())]),
      // The command that asked for it is answered first.
      stop: () => void setTimeout(options.onStop, ANSWER_MS),
    }
    this.#host = host
    this.#tree = new LocalTree(host)
    this.#members = new CircuitMembers({
      id: this.id,
      name: this.name,
      tree: this.#tree,
      started: this.#joined.getTime(),
      keys: options.keys,
      ...(options.timing && { timing: options.timing }),
      circuit: () => this.circuit,
      log: options.onNews,
    })
    this.circuit = new Circuit(this.#members)
  }

  /** Where clients and other servers can reach this one; empty while it does not listen. */
  get url(): string {
    return this.#members.self.address && formatUrl(this.#members.self.address, process.pid, this.id)
  }

  /** @throws Error when the address is not to be had */
  listen(host: string, port: number): Promise<void> {
    return this.#members.listen(host, port)
  }

  /** Joins the circuit of the server at a URL. @throws CircuitError */
  join(url: string): Promise<void> {
    return this.#members.join(url)
  }

  /** Finds other servers, and can be found by them. @throws Error when that is not possible here */
  async discover({ group, mdns, interfaces }: DiscoverOptions): Promise<void> {
    const members = this.#members
    const common = { interfaces, keys: this.#keys, self: () => members.self }
    const ways: Way[] = []
    const membership = {
      size: () => members.list().length,
      knows: (id: string) => members.get(id) !== undefined,
      isFirst: () => members.list()[0] === members.self,
    }
    if (group) ways.push(new Beacons({ ...common, ...membership, group }))
    // Loaded when it is first used: it is not small.
    if (mdns) ways.push(new (await import('./discovery/mdns.ts')).Mdns({ ...common, name: this.name }))
    const discovery = new Discovery({
      ways,
      self: common.self,
      members: membership,
      join: ({ id, address }) => this.join(formatUrl(address, 0, id)),
      log: this.#onNews,
    })
    this.#discovery = discovery
    members.onChange(() => discovery.changed())
    await discovery.start()
  }

  /** Keeps the addresses of the circuit's servers in a directory, and joins those kept before. @throws Error when it can't be used */
  remember(directory: string): void {
    const members = this.#members
    const known = new Known({
      directory,
      self: members.self.address,
      isAlone: () => members.list().length === 1,
      join: (address) => this.join(address),
      log: this.#onNews,
    })
    for (const member of members.list()) if (member !== members.self) known.add(member.address)
    members.onChange(({ kind, member }) => {
      if (kind === 'joined') known.add(member.address)
      else if (kind === 'left') known.remove(member.address)
    })
    this.#known = known
    void known.find()
  }

  /** Tells of containers that servers of this name have left, in the log, or why that can't be known. */
  async findContainers(): Promise<void> {
    try {
      // Loaded only where there are containers: it is not small.
      await (await import('./element/container/left.ts')).findLeft(this.#host)
    } catch (error) {
      this.#onNews(`there can be no containers yet: ${asCircuitError(error).message}`)
    }
  }

  /** Adds numbers of another part, a mount for example, to `metrics`. */
  addMetrics(source: () => readonly Metric[]): void {
    this.#sources.push(source)
  }

  /** Tells a mount of anchors that others have made or removed, before these hear that it is done. */
  onForeignChange(told: (path: string) => Promise<void>): void {
    this.#foreign.push(told)
  }

  /** Tells a mount of servers that have come or gone. */
  onServerChange(told: (id: string) => Promise<void>): void {
    this.#members.onChange(({ member }) => void told(member.id))
  }

  /** Tells the other servers that this one stops; settles when they should know. */
  async leave(): Promise<void> {
    await Promise.all([this.#members.leave(), this.#discovery?.stop()])
  }

  /** Ends what lives with the server: its processes get TERM, and KILL after 5 s, without its waiting for that. */
  close(): void {
    void this.#discovery?.stop()
    this.#known?.stop()
    this.#members.close()
    this.#spawner.close()
  }

  #describe(): Record<string, unknown> {
    return {
      Addr: this.url,
      Joined: this.#joined.toISOString(),
      Name: this.name,
      Id: this.id,
      Version: VERSION,
      Pid: process.pid,
      Node: process.version,
      ...this.#members.describe(),
    }
  }

  #metrics(): Metric[] {
    const { anchors, elements } = this.#tree.count()
    return [
      ...this.#members.metrics(),
      {
        name: 'start_time_seconds',
        type: 'gauge',
        help: 'When the server started, in seconds since 1970.',
        value: this.#joined.getTime() / 1000,
      },
      {
        name: 'operations_total',
        type: 'counter',
        help: 'Operations executed, as in log.',
        value: this.log.count,
      },
      { name: 'anchors', type: 'gauge', help: 'Anchors on this server.', value: anchors },
      {
        name: 'elements',
        type: 'gauge',
        help: 'Elements on anchors, by kind.',
        value: { label: 'kind', values: elements },
      },
      {
        name: 'processes_running',
        type: 'gauge',
        help: 'Child processes that run, scrubbed ones too.',
        value: this.#spawner.running,
      },
      {
        name: 'message_bytes',
        type: 'gauge',
        help: 'Bytes of memory booked by messages in channels.',
        value: this.#budget.used,
      },
      {
        name: 'resident_memory_bytes',
        type: 'gauge',
        help: 'Resident memory of the server.',
        value: process.memoryUsage.rss(),
      },
    ]
  }
}
