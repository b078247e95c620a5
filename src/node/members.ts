/**
 * The servers of the circuit, as this one sees them: who they are comes from membership (cluster/), their trees over connections
 * (peer/).
 */
import { networkInterfaces } from 'node:os'
import { type Address, formatAddress } from '../proto/address.ts'
import { asCircuitError, CircuitError } from '../proto/errors.ts'
import { isServerId } from '../proto/path.ts'
import { parseUrl } from '../proto/url.ts'
import type { Member, Members, MembersChange } from './circuit.ts'
import { Membership } from './cluster/membership.ts'
import type { Info } from './cluster/messages.ts'
import type { Departure } from './cluster/swim.ts'
import type { Timing } from './cluster/timing.ts'
import type { Cancel } from './handle.ts'
import type { Metric } from './metrics.ts'
import type { Namespace } from './namespace.ts'
import type { Key } from './peer/key.ts'
import { Peers } from './peer/peers.ts'

/** In words: what can't be had, and why. */
function refused(address: Address, error: unknown): CircuitError {
  const { code } = asCircuitError(error)
  const { message } = new CircuitError(code)
  return new CircuitError(code, `can't listen on ${formatAddress(address)}: ${message}`, { cause: error })
}

export interface CircuitMembersOptions {
  readonly id: string
  readonly name: string
  readonly tree: Namespace
  /** ms since 1970 */
  readonly started: number
  /** Keys that are accepted; the first one is used to dial. None: plaintext. */
  readonly keys: readonly Key[]
  readonly timing?: Timing
  /** The whole circuit, which clients see. */
  readonly circuit: () => Namespace
  readonly log: (text: string) => void
}

/** Connections and datagrams use the same port; so many are tried where any will do. */
const PORT_TRIES = 20

export class CircuitMembers implements Members {
  readonly #options: CircuitMembersOptions
  readonly #membership: Membership
  readonly #peers: Peers
  readonly #others = new Map<string, Member>()
  readonly #listeners = new Set<(change: MembersChange) => void>()
  #self: Member
  /** In the order in which they started: of two with the same name the newer one is meant. */
  #sorted: readonly Member[]

  constructor(options: CircuitMembersOptions) {
    const { id, name, tree, started: since, keys, timing, circuit, log } = options
    this.#options = options
    this.#self = { id, name, address: '', since, tree }
    this.#sorted = [this.#self]
    this.#membership = new Membership({
      id,
      keys,
      ...(timing && { timing }),
      onJoined: (info) => this.#joined(info),
      onGone: (info, how) => this.#gone(info, how),
    })
    this.#peers = new Peers({
      keys,
      hello: () => ({ id, name, address: this.#self.address, started: since }),
      tree,
      circuit,
      onBroken: (id) => this.#membership.check(id),
      log,
    })
  }

  get self(): Member {
    return this.#self
  }

  list(): readonly Member[] {
    return this.#sorted
  }

  get(id: string): Member | undefined {
    return id === this.#self.id ? this.#self : this.#others.get(id)
  }

  isLost(id: string): boolean {
    return this.#membership.get(id)?.state === 'dead'
  }

  onChange(listener: (change: MembersChange) => void): Cancel {
    const entry = (change: MembersChange): void => listener(change)
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  /** Opens the door, and can be joined from then on. @throws Error when the address is not to be had */
  async listen(host: string, port: number): Promise<void> {
    for (let tries = port === 0 ? PORT_TRIES : 1; ; tries--) {
      const bound = await this.#peers.listen(host, port).catch((error) => {
        throw refused({ host, port }, error)
      })
      const { id, name, since } = this.#self
      const address = formatAddress({ host: reachable(host), port: bound })
      try {
        await this.#membership.start({ id, name, address, since }, host, bound)
        this.#self = { ...this.#self, address }
        return this.#sort()
      } catch (error) {
        this.#peers.unlisten()
        if (tries === 1 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
          throw refused({ host, port: bound }, error)
      }
    }
  }

  /**
   * Makes this server's circuit and that of the server at a URL one; where they are one already, nothing happens.
   * @throws CircuitError EINVAL, or why it can't be reached
   */
  async join(url: string): Promise<void> {
    const { host, port, id } = parseUrl(url)
    if (`${host}:${port}` === this.#self.address || (id && this.get(id))) return
    const hello = await this.#peers.meet(url)
    const info = {
      id: hello.id ?? '',
      name: hello.name ?? '',
      address: hello.address ?? '',
      since: hello.started ?? 0,
    }
    if (!isServerId(info.id) || !info.address)
      throw new CircuitError('EHOSTDOWN', `there is no server at ${url}`)
    if (await this.#membership.join({ ...info, name: info.name || info.id })) return
    throw new CircuitError(
      'ETIMEDOUT',
      `the server at ${info.address} takes connections, but its datagrams don't come through: is UDP let through, on the same ports as TCP?`,
    )
  }

  /** Tells the others that this server stops; settles when they should know. */
  leave(): Promise<void> {
    return this.#membership.leave()
  }

  close(): void {
    this.#membership.close()
    this.#peers.close()
  }

  /** For `peek`: this server's state in the circuit. */
  describe(): Record<string, unknown> {
    const { incarnation, awareness } = this.#membership.condition
    return { State: 'alive', Incarnation: incarnation, Health: awareness }
  }

  metrics(): readonly Metric[] {
    return this.#membership.metrics()
  }

  #joined({ id, name, address, since }: Info): void {
    const member = { id, name, address, since, tree: this.#peers.tree(id, address) }
    this.#others.set(id, member)
    this.#sort()
    this.#options.log(`${name} (${id}) joined`)
    this.#tell({ kind: 'joined', member })
  }

  #gone({ id, name }: Info, how: Departure): void {
    const member = this.#others.get(id)
    if (member === undefined) return
    this.#others.delete(id)
    this.#sort()
    this.#options.log(`${name} (${id}) ${how === 'left' ? 'left' : 'is lost'}`)
    // First it is not there any more, then those who wait for it hear so.
    this.#tell({ kind: how, member })
    const why = how === 'left' ? 'has stopped' : 'is lost'
    this.#peers.drop(id, new CircuitError('EHOSTDOWN', `the server ${name} (${id}) ${why}`))
  }

  #sort(): void {
    this.#sorted = [this.#self, ...this.#others.values()].sort(
      (a, b) => a.since - b.since || (a.id < b.id ? -1 : 1),
    )
  }

  #tell(change: MembersChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

/** Where others reach a server that listens on all addresses of its host: at the first that is not loopback. */
function reachable(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const family = host === '::' ? 'IPv6' : 'IPv4'
  const addresses = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const found = addresses.find(
    (address) => address.family === family && !address.internal && address.scopeid !== 1,
  )
  return found?.address ?? (family === 'IPv6' ? '::1' : '127.0.0.1')
}
