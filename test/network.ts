/**
 * A network of hosts, each with a real server on a real mount: network namespaces on a bridge in a namespace of its own.
 *
 * No namespace has a name: each is held by a process that ends with this one, however this one ends, and nothing of a
 * network is seen outside of it. So any number of them can be there at once. Hosts share the file tree and the
 * processes of this machine.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKey } from '../src/node/peer/key.ts'
import { Wire, type WireQuality, wireProgram } from './network/wire.ts'
import {
  type Outcome,
  runShell,
  type Scope,
  type ServerOptions,
  startServer,
  type TestServer,
  until,
} from './server.ts'

export interface NetworkOptions {
  /** False: servers have no key, and are told to do without. */
  readonly key?: boolean
  /** False: there are hosts, and no servers yet. */
  readonly servers?: boolean
  /** More options of each `circuit start`. */
  readonly args?: readonly string[]
  /** Names of the hosts, and of their servers. Default: h1, h2, … */
  readonly names?: readonly string[]
  /** Of what wires do by chance. */
  readonly seed?: number
}

export interface Network {
  readonly hosts: readonly Host[]
  /** The file of the circuit's key; undefined where there is none. */
  readonly keyFile: string | undefined
  /** Awaits that all servers that run list each other, and nobody else. */
  settled(): Promise<void>
  /** Only these reach each other, and only the others do; with none of them the network is whole again. */
  split(apart: readonly Host[]): Promise<void>
}

const PORT = 11022
/**
 * Hosts of a network beyond that know each other's cards from the start: the kernel has one table for the answers of ARP, of 1,024
 * entries for all namespaces together, and where it is full packets are lost.
 */
const ARP_HOSTS = 12
/** A card that no host has. */
const NOBODY = '02:00:00:ff:ff:ff'

/** Makes a network; the test's teardown takes it down. By default all servers have joined, with a key. */
export async function network(t: Scope, count: number, options: NetworkOptions = {}): Promise<Network> {
  const hub = await Namespace.make(t)
  const namespaces = await Promise.all(Array.from({ length: count }, () => Namespace.make(t)))
  await hub.ip(
    ...['hub', 'apart'].flatMap((bridge) => [
      `link add ${bridge} type bridge mcast_snooping 0 stp_state 0 forward_delay 0`,
      `link set ${bridge} up`,
    ]),
    ...namespaces.flatMap(({ pid }, i) => [
      `link add port${i} type veth peer name eth0 netns ${pid}`,
      `link set port${i} master hub up`,
    ]),
  )
  const key = options.key === false ? undefined : makeKey(t)
  const start = [...(key ? ['-hmac', key] : ['--insecure']), ...(options.args ?? [])]
  const hosts = namespaces.map((own, index) => {
    const name = options.names?.[index] ?? `h${index + 1}`
    return new Host({ test: t, index, name, own, hub, start, seed: (options.seed ?? 1) + index })
  })
  t.teardown(async () => void (await Promise.all(hosts.map((host) => host.clear()))))
  await Promise.all(hosts.map((host) => host.connect(count > ARP_HOSTS ? hosts : [])))
  if (options.servers !== false) {
    const [first, ...others] = hosts
    await first?.start()
    await Promise.all(others.map((host) => host.start({ args: ['-j', first?.url ?? ''] })))
  }
  const settled = async (): Promise<void> => {
    const running = hosts.filter(({ running }) => running)
    const all = running.map(({ name }) => name).sort()
    const knowsAll = async ({ mount }: Host): Promise<boolean> =>
      (await readdir(join(mount, 'by-name'))).sort().join() === all.join()
    await until(async () => (await Promise.all(running.map(knowsAll))).every(Boolean), 30_000)
  }
  await settled()
  t.teardown(() => {
    if (t.passing?.() !== false) return
    for (const host of hosts)
      if (host.running) process.stderr.write(`${host.name} said:\n${host.server.log()}\n`)
  })
  const split = (apart: readonly Host[]): Promise<void> =>
    hub.ip(...hosts.map((host) => `link set ${host.port} master ${apart.includes(host) ? 'apart' : 'hub'}`))
  return { hosts, keyFile: key, settled, split }
}

function makeKey(t: Scope): string {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-key-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'key')
  writeFileSync(file, `${generateKey()}\n`, { mode: 0o600 })
  return file
}

/** A network namespace, with a host name of its own, there as long as this process. */
class Namespace {
  readonly pid: number
  /** Words that run the rest of theirs as a command in it. */
  readonly enter: readonly string[]

  private constructor(pid: number) {
    this.pid = pid
    // `ip netns exec` would put it into a mount namespace as well, in which later mounts are not seen.
    this.enter = ['nsenter', `--net=/proc/${pid}/ns/net`, `--uts=/proc/${pid}/ns/uts`]
  }

  static async make(t: Scope): Promise<Namespace> {
    const keeper = spawn('unshare', ['-n', '-u', 'sh', '-ec', 'ip link set lo up; echo ready; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const ended = once(keeper, 'close')
    t.teardown(async () => {
      keeper.stdin.end()
      await ended
    })
    const failed = ended.then(() => Promise.reject(new Error('no network namespace could be made')))
    await Promise.race([once(keeper.stdout, 'data'), failed])
    return new Namespace(keeper.pid ?? 0)
  }

  /** Runs commands of ip(8). */
  async ip(...commands: readonly string[]): Promise<void> {
    await this.run('exec ip -batch -', commands.join('\n'))
  }

  /** Runs a shell script that must succeed. */
  async run(script: string, input = ''): Promise<void> {
    const { status, stderr } = await runShell(script, { within: this.enter, input })
    if (status !== 0) throw new Error(`${script} failed: ${stderr}\n${input}`)
  }
}

interface HostOptions {
  readonly test: Scope
  readonly index: number
  readonly name: string
  readonly own: Namespace
  readonly hub: Namespace
  /** Options of `circuit start`. */
  readonly start: readonly string[]
  readonly seed: number
}

/** A host: its place in the network, and its server. */
export class Host {
  /** From 0. */
  readonly index: number
  /** Also its server's. */
  readonly name: string
  readonly address: string
  /** Words that run the rest of theirs as a command on this host. */
  readonly enter: readonly string[]
  readonly #options: HostOptions
  #server: TestServer | undefined
  #wire: Wire | undefined
  /** Takes down what its last server left. */
  #downs: (() => void | Promise<void>)[] = []

  constructor(options: HostOptions) {
    const { index, name, own } = options
    this.index = index
    this.name = name
    this.address = `10.77.${(index + 1) >> 8}.${(index + 1) & 255}`
    this.enter = own.enter
    this.#options = options
  }

  /** Its server. @throws Error when none was started */
  get server(): TestServer {
    if (this.#server === undefined) throw new Error(`no server was started on ${this.name}`)
    return this.#server
  }

  get running(): boolean {
    const child = this.#server?.child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  get mount(): string {
    return this.server.mount
  }

  get self(): string {
    return this.server.self
  }

  get id(): string {
    return this.server.id
  }

  get url(): string {
    return this.server.url
  }

  /** Starts its server, or, where that has ended, another one. */
  async start(options: ServerOptions = {}): Promise<TestServer> {
    if (!this.running) await this.clear()
    const address = ['--name', this.name, '-a', `${this.address}:${PORT}`]
    const args = [...address, ...this.#options.start, ...(options.args ?? [])]
    const scope: Scope = { teardown: (down) => void this.#downs.push(down) }
    this.#server = await startServer(scope, { ...options, args, within: this.enter })
    const { child } = this.#server
    // A server that was stopped would not hear that it is to end.
    scope.teardown(() => void child.kill('SIGCONT'))
    return this.#server
  }

  /** Ends its server, and removes what that and earlier ones left. */
  async clear(): Promise<void> {
    for (const down of this.#downs.splice(0).reverse()) await down()
  }

  /** Runs a shell script on this host, in which $M is its mount and $S its server's anchor. */
  run: TestServer['sh'] = (script, options = {}): Promise<Outcome> =>
    this.#server ? this.#server.sh(script, options) : runShell(script, { within: this.enter, ...options })

  /** The path by which this host sees the anchor, or other path, of another: `at(other, 'jobs/a')`. */
  at(other: Host, ...names: readonly string[]): string {
    return join(this.mount, other.id, ...names)
  }

  /** Pulls its cable. */
  cut(): Promise<void> {
    return this.#options.hub.ip(`link set ${this.port} down`)
  }

  /** Puts the cable back. */
  heal(): Promise<void> {
    return this.#options.hub.ip(`link set ${this.port} up`)
  }

  /** From now on what it sends to another is lost, and nothing else is; until `redirect`. */
  misdirect(other: Host): Promise<void> {
    return this.#options.own.ip(this.#neighbour(other, NOBODY))
  }

  redirect(other: Host): Promise<void> {
    return this.#options.own.ip(this.#neighbour(other, other.#card))
  }

  /** Ends all TCP connections that it has: for both sides they are broken at once. Not of other kinds: datagrams go on. */
  async breakConnections(): Promise<void> {
    await this.#options.own.run(`ss -K state established '( sport = :${PORT} or dport = :${PORT} )' || :`)
  }

  /** From now on all that it sends or receives is delayed or lost; `{}`: nothing is. */
  async delay(quality: WireQuality): Promise<void> {
    this.#wire ??= await this.#layWire()
    await this.#wire.set(quality, this.#options.seed)
  }

  /** Gives it its name and its address, and the cards of others, which it need not ask for then. */
  async connect(others: readonly Host[]): Promise<void> {
    await this.#options.own.run(`hostname ${this.name}`)
    await this.#options.own.ip(
      `link set eth0 address ${this.#card}`,
      `addr add ${this.address}/16 brd + dev eth0`,
      'link set eth0 up',
      'route add 224.0.0.0/4 dev eth0',
      ...others.filter((other) => other !== this).map((other) => this.#neighbour(other, other.#card)),
    )
  }

  get #card(): string {
    const number = (this.index + 1).toString(16).padStart(4, '0')
    return `02:00:00:00:${number.slice(0, 2)}:${number.slice(2)}`
  }

  #neighbour({ address }: Host, card: string): string {
    return `neigh replace ${address} lladdr ${card} nud permanent dev eth0`
  }

  /** Its place on the hub. */
  get port(): string {
    return `port${this.index}`
  }

  /** Between its port and the hub. Frames that would be cut up by the receiving card are cut up before. */
  async #layWire(): Promise<Wire> {
    const program = await wireProgram()
    const [near, far] = [`near${this.index}`, `far${this.index}`]
    await this.#options.hub.ip(
      `link add ${near} type veth peer name ${far}`,
      `link set ${near} up`,
      `link set ${this.port} nomaster`,
      `link set ${far} master hub up`,
    )
    await this.#options.own.run(`${program} plain eth0`)
    await this.#options.hub.run(`${program} plain ${near} ${far} ${this.port}`)
    const wire = new Wire([...this.#options.hub.enter, program, this.port, near])
    this.#options.test.teardown(() => wire.end())
    return wire
  }
}
