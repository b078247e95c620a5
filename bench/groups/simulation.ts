/**
 * Membership of many servers, simulated in this process by the same state machines: what depends on their number. `--servers 100,1000`: so
 * many of them. Some minutes and some gigabytes for thousands.
 */
import { Network } from '../../test/node/cluster/simulation.ts'
import { type Fact, fact, type Group } from '../report.ts'

const LOSS = 0.05
const IDLE_MS = 20_000
const CHURN_MS = 60_000
/** In which the news of the start go. */
const CALM_MS = 20_000

export const simulation: Group = {
  name: 'simulation',
  title: `Membership, simulated, with ${LOSS * 100} % of the packets lost`,
  run: async (rounds, { servers }) => ({
    comparisons: [],
    facts: servers.flatMap((size) => simulate(size, rounds)),
  }),
}

function simulate(size: number, rounds: number): Fact[] {
  const before = memory()
  const network = grow(size)
  const bytes = (memory() - before) / size
  network.loss = LOSS
  const idle = traffic(network, size, IDLE_MS)
  const kills: number[] = []
  const starts: number[] = []
  for (let round = 0; round < rounds; round++) {
    const victim = network.random.pick(network.running)
    victim.kill()
    kills.push(until(network, () => network.running.every(({ swim }) => !swim.sees(victim.id))))
    const fresh = network.start()
    fresh.join(network.random.pick(network.running.filter((server) => server !== fresh)))
    starts.push(until(network, () => network.settled()))
  }
  // One start and one end every two seconds.
  const churn = traffic(network, size, CHURN_MS, () => {
    network.random.pick(network.running).kill()
    const fresh = network.start()
    fresh.join(network.random.pick(network.running.filter((server) => server !== fresh)))
  })
  until(network, () => network.settled())
  const killed = new Set(network.servers.filter(({ state }) => state === 'killed').map(({ id }) => id))
  const wrong = network.running.flatMap(({ changes }) =>
    changes.filter(({ kind, id }) => kind === 'failed' && !killed.has(id)),
  )
  const of = `${size} servers`
  return [
    fact(`${of}: kill -9 seen by all, median of ${rounds}`, median(kills), 'ms'),
    fact(`${of}: kill -9 seen by all, worst`, Math.max(...kills), 'ms'),
    fact(`${of}: a start seen by all, median of ${rounds}`, median(starts), 'ms'),
    fact(`${of}: a start seen by all, worst`, Math.max(...starts), 'ms'),
    fact(`${of}: live servers dropped`, wrong.length, '', { most: 0 }),
    fact(`${of}: idle, packets a server sends`, idle.packets, '/s'),
    fact(`${of}: idle, bytes a server sends`, idle.bytes, '/s'),
    fact(`${of}: a start and a kill each 2 s, packets a server sends`, churn.packets, '/s'),
    fact(`${of}: a start and a kill each 2 s, bytes a server sends`, churn.bytes, '/s'),
    fact(`${of}: memory of a server's view`, bytes / 1024, 'KiB'),
  ]
}

/**
 * All join the first at the same time, which knows them already: that costs the pages of its view for each, and not news of each for
 * all. Then time passes in which all news go.
 */
function grow(size: number): Network {
  const network = new Network({ seed: 1 })
  const first = network.start()
  const others = Array.from({ length: size - 1 }, () => network.start())
  for (const { id, name, address, swim } of others)
    first.swim.receive(id, {
      message: { kind: 'gossip' },
      digest: swim.digest,
      rumors: [{ kind: 'alive', info: { id, name, address, since: 0 }, incarnation: 0 }],
    })
  for (const server of others) server.join(first)
  until(network, () => network.settled())
  network.run(CALM_MS)
  return network
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

function memory(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
