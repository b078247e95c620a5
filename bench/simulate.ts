/**
 * Membership of many servers, simulated by the same state machines, as a program of its own: thousands need a heap and a collector
 * that are set for them (groups/simulation.ts).
 *
 *   node --expose-gc simulate.js SERVERS ROUNDS
 *
 * Prints what it found as a line of JSON: an array of facts (report.ts).
 */
import { decodePacket, encodePacket } from '../src/node/cluster/codec.ts'
import { Network, type SimulatedServer } from '../test/node/cluster/simulation.ts'
import { type Fact, fact } from './report.ts'

const LOSS = 0.05
const IDLE_MS = 20_000
/** A minute of starts and ends among 10,000 would be as much work as all else together, twice. */
const churnMs = (size: number): number => (size > 3000 ? 20_000 : 60_000)
/** In which the news of the start go. */
const CALM_MS = 20_000
/** Views that are measured, for their mean. */
const VIEWS = 10

function simulate(size: number, rounds: number): Fact[] {
  const bytes = viewBytes(size)
  const network = grow(size)
  network.loss = LOSS
  const idle = traffic(network, size, IDLE_MS)
  const times = Array.from({ length: rounds }, () => killAndStart(network))
  const ofAll = (what: keyof Times): number[] => times.map((each) => each[what])
  // One start and one end every two seconds.
  const churning = churnMs(size)
  const churn = traffic(network, size, churning, () => {
    kill(network)
    start(network)
  })
  until(network, () => network.settled())
  const ends = new Map(network.servers.map(({ id, ended }) => [id, ended]))
  const wrong = network.servers.flatMap(({ changes }) =>
    changes.filter(({ id, time }) => time < (ends.get(id) ?? Number.POSITIVE_INFINITY)),
  )
  const of = `${size} servers`
  const during = `${of}: ${churning / 1000} s with a start and a kill each 2 s`
  return [
    fact(`${of}: kill -9 detected by the first, median of ${rounds}`, median(ofAll('detected')), 'ms'),
    fact(`${of}: kill -9 seen by all, median of ${rounds}`, median(ofAll('lost')), 'ms'),
    fact(`${of}: kill -9 seen by all, worst`, Math.max(...ofAll('lost')), 'ms'),
    fact(`${of}: a start seen by all, median of ${rounds}`, median(ofAll('seen')), 'ms'),
    fact(`${of}: a start seen by all, worst`, Math.max(...ofAll('seen')), 'ms'),
    fact(`${of}: who starts sees all, median of ${rounds}`, median(ofAll('sees')), 'ms'),
    fact(`${of}: who starts sees all, worst`, Math.max(...ofAll('sees')), 'ms'),
    fact(`${of}: live servers dropped`, wrong.length, '', { most: 0 }),
    fact(`${of}: idle, packets a server sends`, idle.packets, '/s'),
    fact(`${of}: idle, bytes a server sends`, idle.bytes, '/s'),
    fact(`${during}, packets a server sends`, churn.packets, '/s'),
    fact(`${during}, bytes a server sends`, churn.bytes, '/s'),
    fact(`${of}: memory of a server's view`, bytes / 1024, 'KiB'),
    fact(`${of}: CPU time of the simulation`, cpuSeconds(), 's'),
    fact(`${of}: memory of the simulation, at most`, process.resourceUsage().maxRSS / 2 ** 20, 'GiB'),
  ]
}

/** In ms after a server was killed, and another one started. */
interface Times {
  /** The first server, and all, have dropped the killed one. */
  readonly detected: number
  readonly lost: number
  /** All see the started one, and it sees all. */
  readonly seen: number
  readonly sees: number
}

function killAndStart(network: Network): Times {
  const victim = kill(network)
  const sees = ({ swim }: SimulatedServer): boolean => swim.sees(victim.id)
  const detected = until(network, () => !network.running.every(sees))
  const lost = detected + until(network, () => !network.running.some(sees))
  const fresh = start(network)
  const knows = (server: SimulatedServer): boolean => server === fresh || server.swim.sees(fresh.id)
  const seen = until(network, () => network.running.every(knows))
  return { detected, lost, seen, sees: seen + until(network, () => network.settled()) }
}

/**
 * What a view takes. What servers know of each other comes from the wire here, as it does to a real one: where packets are handed on
 * as they are, all views have the same names and addresses.
 */
function viewBytes(size: number): number {
  const network = begin(size)
  network.transmit = (packet) => decodePacket(encodePacket(packet))
  const others = network.servers.slice(1)
  // At first code is compiled, and buffers grow.
  joinFirst(network, others.splice(0, VIEWS))
  const before = memory()
  joinFirst(network, others.splice(0, VIEWS))
  return (memory() - before) / VIEWS
}

/** Servers that have all joined, and time in which all news have gone. */
function grow(size: number): Network {
  const network = begin(size)
  joinFirst(network, network.servers.slice(1))
  if (!network.settled()) throw new Error('the views are not equal when all have joined')
  network.run(CALM_MS)
  return network
}

/** The first knows all already: that costs the others the pages of its view, and not news of each for all. */
function begin(size: number): Network {
  const network = new Network({ seed: 1, noted: ['failed'] })
  const first = network.start()
  for (let n = 1; n < size; n++) {
    const { id, name, address, swim } = network.start()
    first.swim.receive(id, {
      message: { kind: 'gossip' },
      digest: swim.digest,
      rumors: [{ kind: 'alive', info: { id, name, address, since: 0 }, incarnation: 0 }],
    })
  }
  return network
}

/**
 * Lets servers join the first, one after the other, in no time, while none of them reaches another one. So nobody asks for a view that
 * is not whole yet, and views that are made one at a time are made in the processor's cache.
 */
function joinFirst(network: Network, joining: readonly SimulatedServer[]): void {
  const [first] = network.servers
  const { latency, connected } = network
  network.latency = [0, 0]
  network.connected = (from, to) => from === first || to === first
  for (const server of joining) {
    if (first) server.join(first)
    network.run(0)
  }
  network.latency = latency
  network.connected = connected
}

function kill(network: Network): SimulatedServer {
  const victim = network.random.pick(network.running)
  victim.kill()
  return victim
}

/** One more server, which joins any other. */
function start(network: Network): SimulatedServer {
  const { running } = network
  const fresh = network.start()
  fresh.join(network.random.pick(running))
  return fresh
}

/** What each server sends in a second. */
function traffic(
  network: Network,
  size: number,
  duration: number,
  each?: () => void,
): { packets: number; bytes: number } {
  const { packets, bytes } = network
  for (let passed = 0; passed < duration; passed += 2000) {
    each?.()
    network.run(2000)
  }
  const seconds = (duration / 1000) * size
  return { packets: (network.packets - packets) / seconds, bytes: (network.bytes - bytes) / seconds }
}

function until(network: Network, holds: () => boolean): number {
  const took = network.runUntil(holds, 120_000, 20)
  if (took === undefined) throw new Error('two simulated minutes were not enough')
  return took
}

const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[times.length >> 1] ?? Number.NaN

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Of the heap, when the garbage is out, in bytes. */
function memory(): number {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('this needs node --expose-gc')
  gc()
  return process.memoryUsage().heapUsed
}

const [size = Number.NaN, rounds = Number.NaN] = process.argv.slice(2).map(Number)
console.log(JSON.stringify(simulate(size, rounds)))
