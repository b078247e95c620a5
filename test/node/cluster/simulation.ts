/**
 * Many servers in one process, on a network of their own: time goes as fast as the work is done, chance comes from a seed, and a
 * failing run can be had again. Servers can be killed, cut off, stopped, starved; packets late or lost; hosts kept apart.
 */
import type { Environment } from '../../../src/node/cluster/environment.ts'
import type { Info, Packet } from '../../../src/node/cluster/messages.ts'
import { ROOM, sizeOf } from '../../../src/node/cluster/messages.ts'
import { type Departure, Swim } from '../../../src/node/cluster/swim.ts'
import { LAN, type Timing } from '../../../src/node/cluster/timing.ts'
import { type Random, random } from '../../random.ts'
import { Agenda } from './agenda.ts'

/** What a socket keeps of packets for a process that does not run; Linux: net.core.rmem_default, and small packets. */
const SOCKET_PACKETS = 250

export interface NetworkOptions {
  readonly seed: number
  readonly timing?: Timing
  /** Of a packet from one host to another, ms: from, and up to so much more. */
  readonly latency?: readonly [number, number]
  /** Changes that servers take note of; default all. Of thousands each sees thousands. */
  readonly noted?: readonly Change['kind'][]
}

export interface Change {
  readonly time: number
  readonly kind: 'joined' | Departure
  readonly id: string
}

const CHANGES: readonly Change['kind'][] = ['joined', 'left', 'failed']

export class Network {
  readonly agenda = new Agenda()
  readonly random: Random
  readonly timing: Timing
  readonly noted: readonly Change['kind'][]
  readonly servers: SimulatedServer[] = []
  /** Of all packets, the share that is lost. */
  loss = 0
  latency: readonly [number, number]
  /** Whether packets go from one server to another. */
  connected: (from: SimulatedServer, to: SimulatedServer) => boolean = () => true
  /** What arrives of a packet: itself, unless it is to be put into bytes and back. */
  transmit: (packet: Packet) => Packet = (packet) => packet
  packets = 0
  /** Bytes on the wire, headers of UDP and IP and the seal with them, estimated from above. */
  bytes = 0
  /** Of those that followed each other at one address the last. */
  readonly #byAddress = new Map<string, SimulatedServer>()

  constructor({ seed, timing = LAN, latency = [0.1, 0.4], noted = CHANGES }: NetworkOptions) {
    this.random = random(seed)
    this.timing = timing
    this.noted = noted
    this.latency = latency
  }

  get now(): number {
    return this.agenda.now
  }

  /** A server starts, at a port of its own. */
  start(name = `s${this.servers.length}`, port = this.servers.length + 1): SimulatedServer {
    const server = new SimulatedServer(this, name, `10.0.0.1:${port}`)
    this.servers.push(server)
    this.#byAddress.set(server.address, server)
    return server
  }

  get running(): SimulatedServer[] {
    return this.servers.filter(({ state }) => state === 'running')
  }

  /** Lets time pass, in ms. */
  run(duration: number): void {
    this.agenda.runUntil(this.now + duration)
  }

  /** Lets time pass until something holds, and says how much, in ms; undefined when it does not come true in time. */
  runUntil(holds: () => boolean, limit: number, step = 10): number | undefined {
    const start = this.now
    while (!holds()) {
      if (this.now - start >= limit) return undefined
      this.run(step)
    }
    return this.now - start
  }

  /** Whether each running server sees exactly those that it should: all that run. */
  settled(among: readonly SimulatedServer[] = this.running): boolean {
    return among.every(({ swim }) => swim.live.length === among.length - 1) && this.#equal(among)
  }

  #equal(among: readonly SimulatedServer[]): boolean {
    if (among.length > 100) return among.every(({ swim }) => swim.digest === among[0]?.swim.digest)
    return among.every(({ swim }) => among.every(({ id }) => id === swim.id || swim.sees(id)))
  }

  deliver(from: SimulatedServer, to: { id: string; address: string }, packet: Packet): void {
    this.packets++
    this.bytes += 28 + 46 + sizeOfPacket(packet)
    const target = this.at(to.address)
    if (target === undefined || !this.connected(from, target) || this.random.chance(this.loss)) return
    const [least, spread] = this.latency
    this.agenda.add(this.now + least + (this.random.int(1000) / 1000) * spread, () => {
      if (target.id === to.id) target.arrived(from.id, this.transmit(packet))
    })
  }

  /** Who is at an address; a host's port is closed when its server was killed. */
  at(address: string): SimulatedServer | undefined {
    return this.#byAddress.get(address)
  }
}

export class SimulatedServer {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly changes: Change[] = []
  readonly swim: Swim & { readonly id: string; sees(id: string): boolean }
  state: 'running' | 'killed' | 'left' = 'running'
  /** When it was killed. */
  ended = Number.POSITIVE_INFINITY
  /** Ms by which everything that it does is late, at most. */
  lag = 0
  readonly #network: Network
  #stoppedUntil = 0
  #held: Packet[] = []
  #heldFrom: string[] = []

  constructor(network: Network, name: string, address: string) {
    this.#network = network
    this.id = `X${network.random.bytes(8).toString('hex')}`
    this.name = name
    this.address = address
    const note = (kind: Change['kind'], { id }: Info): void => {
      if (network.noted.includes(kind)) this.changes.push({ time: network.now, kind, id })
    }
    const swim = new Swim({
      self: { id: this.id, name, address, since: network.now },
      timing: network.timing,
      environment: this.#environment(),
      onJoined: (info) => note('joined', info),
      onGone: (info, how) => note(how, info),
    })
    this.swim = Object.assign(swim, {
      id: this.id,
      sees: (id: string) => ['alive', 'suspect'].includes(swim.get(id)?.state ?? ''),
    })
  }

  get stopped(): boolean {
    return this.#network.now < this.#stoppedUntil
  }

  join({ id, name, address }: SimulatedServer, done?: (complete: boolean) => void): void {
    this.swim.join({ id, name, address, since: 0 }, done)
  }

  /** kill -9: its host answers that nobody is at the port. */
  kill(): void {
    this.state = 'killed'
    this.ended = this.#network.now
    this.swim.stop()
  }

  leave(): void {
    this.swim.leave()
    this.state = 'left'
    this.#network.agenda.add(this.#network.now + 300, () => this.swim.stop())
  }

  /** SIGSTOP for so many ms, then SIGCONT. */
  stop(duration: number): void {
    this.#stoppedUntil = this.#network.now + duration
    this.#network.agenda.add(this.#stoppedUntil + 0.02, () => {
      const [packets, senders] = [this.#held, this.#heldFrom]
      this.#held = []
      this.#heldFrom = []
      for (const [n, packet] of packets.entries()) this.arrived(senders[n] ?? '', packet)
    })
  }

  arrived(from: string, packet: Packet): void {
    if (this.state === 'killed') return
    if (this.stopped) {
      if (this.#held.length < SOCKET_PACKETS) {
        this.#held.push(packet)
        this.#heldFrom.push(from)
      }
      return
    }
    this.#later(() => this.swim.receive(from, packet))
  }

  #later(run: () => void): void {
    if (this.lag === 0) return run()
    const { agenda, now, random } = this.#network
    agenda.add(now + random.int(this.lag), run)
  }

  #environment(): Environment {
    const network = this.#network
    return {
      now: () => network.now,
      random: () => network.random.int(2 ** 30) / 2 ** 30,
      schedule: (delay, run) => {
        const due = (): void => {
          if (this.state === 'killed') return
          // Timers that were due while it was stopped run first, then come the packets.
          if (this.stopped) cancel = network.agenda.add(this.#stoppedUntil + 0.01, due)
          else run()
        }
        let cancel = network.agenda.add(network.now + delay + (this.lag && network.random.int(this.lag)), due)
        return () => cancel()
      },
      send: (to, packet) => network.deliver(this, to, packet),
      knock: (to, refused) => {
        const target = network.at(to.address)
        if (target === undefined || !network.connected(this, target) || !network.connected(target, this))
          return
        if (target.state === 'killed') network.agenda.add(network.now + 2 * network.latency[0], refused)
      },
    }
  }
}

function sizeOfPacket({ message, rumors }: Packet): number {
  let size = 0
  for (const rumor of rumors) size += sizeOf(rumor)
  if (message.kind === 'page') for (const record of message.records) size += sizeOf(record)
  if (size > ROOM) throw new Error(`a packet of kind ${message.kind} is too long: ${size} of ${ROOM} bytes`)
  return 20 + size
}
