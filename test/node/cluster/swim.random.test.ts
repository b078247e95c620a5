/**
 * Membership, with simulated servers to which anything may happen: some thousand histories, each from a seed (CIRCUIT_SEED=N to run
 * one alone). A history of the first kind has nothing in it for which a server should be dropped but its end; one of the
 * second has everything in it, and all must be well soon after.
 */
import t from 'tap'
import { failure, type Random, random, seeds } from '../../random.ts'
import { Network, type SimulatedServer } from './simulation.ts'

/** How long after the last event all views must be equal and right, in ms. */
const HEALED_MS = 10_000
/** The same after loss and starvation, by which the servers have become cautious. */
const CALMED_MS = 30_000

function grow(network: Network, chance: Random, most: number): void {
  for (let n = 2 + chance.int(most - 1); n > 0; n--) startAnywhere(network, chance)
  const took = network.runUntil(() => network.settled(), HEALED_MS)
  if (took === undefined)
    throw new Error(`${network.servers.length} servers did not settle after their start`)
}

function startAnywhere(network: Network, chance: Random): SimulatedServer {
  const server = network.start()
  const join = (): void => {
    const { running } = network
    // Whom it would join may be about to end: whoever starts a server tries again.
    if (server.state === 'running' && running.length > 1)
      server.join(chance.pick(running.filter((other) => other !== server)), (complete) => complete || join())
  }
  join()
  network.run(chance.int(200))
  return server
}

/** Ends a server, unless it is the last. */
function end(network: Network, chance: Random): void {
  const { running } = network
  if (running.length < 2) return
  const server = chance.pick(running.filter(({ stopped }) => !stopped).concat(running.slice(0, 1)))
  if (chance.chance(0.5)) server.kill()
  else server.leave()
}

/** Nobody but those who ended may ever have been taken for failed. */
function checkFalseAlarms(network: Network): void {
  for (const observer of network.servers)
    for (const { time, kind, id } of observer.changes) {
      const dropped = network.servers.find((server) => server.id === id)
      if (kind === 'failed' && dropped?.state === 'running')
        throw new Error(`${observer.name} took ${dropped.name} for failed at ${time}: it runs`)
    }
}

function quiet(seed: number): void {
  const chance = random(seed)
  const network = new Network({ seed })
  grow(network, chance, 12)
  if (chance.chance(0.5)) network.loss = chance.int(21) / 100
  if (chance.chance(0.5)) network.latency = [1, 100]
  for (let n = 0; n < 12; n++) {
    const what = chance.int(4)
    if (what === 0) startAnywhere(network, chance)
    else if (what === 1) end(network, chance)
    else if (what === 2) chance.pick(network.running).stop(chance.int(2000))
    network.run(chance.int(10_000))
  }
  network.loss = 0
  expectHealed(network, HEALED_MS)
  checkFalseAlarms(network)
}

function wild(seed: number): void {
  const chance = random(seed)
  const network = new Network({ seed })
  grow(network, chance, 12)
  for (let n = 0; n < 10; n++) {
    const what = chance.int(7)
    if (what === 0) startAnywhere(network, chance)
    else if (what === 1) end(network, chance)
    else if (what === 2) chance.pick(network.running).stop(chance.int(30_000))
    else if (what === 3) chance.pick(network.running).lag = chance.pick([0, 100, 500])
    else if (what === 4) network.loss = chance.int(40) / 100
    else if (what === 5) network.connected = partition(chance)
    else network.connected = () => true
    network.run(chance.int(20_000))
  }
  network.loss = 0
  network.connected = () => true
  for (const server of network.servers) server.lag = 0
  network.runUntil(() => network.running.every(({ stopped }) => !stopped), 60_000)
  expectHealed(network, CALMED_MS)
}

/** Groups that can't reach each other, or some pairs, perhaps in one direction only. */
function partition(chance: Random): Network['connected'] {
  const salt = chance.int(2 ** 30)
  const draw = (text: string): Random =>
    random([...text].reduce((sum, c) => Math.imul(sum, 31) + c.charCodeAt(0), salt))
  if (chance.chance(0.5)) {
    const groups = 2 + chance.int(2)
    const group = ({ id }: SimulatedServer): number => draw(id).int(groups)
    return (from, to) => group(from) === group(to)
  }
  const both = chance.chance(0.5)
  return ({ id: from }, { id: to }) => !draw(both && from > to ? to + from : from + to).chance(0.3)
}

function expectHealed(network: Network, limit: number): void {
  if (network.runUntil(() => network.settled(), limit) !== undefined) return
  const views = network.running.map(
    ({ name, swim }) =>
      `${name} sees ${swim.live
        .map(({ info, state }) => `${info.name}${state === 'suspect' ? '?' : ''}`)
        .sort()
        .join(' ')}`,
  )
  throw new Error(`the views differ ${limit / 1000} s after the last event:\n${views.join('\n')}`)
}

/** The first history that goes wrong is told. */
function firstFailure(count: number, history: (seed: number) => void): string | undefined {
  for (const seed of seeds(count)) {
    try {
      history(seed)
    } catch (error) {
      return failure(seed, error)
    }
  }
  return undefined
}

t.test('whatever is no failure is taken for none', async (t) => {
  t.equal(firstFailure(250, quiet), undefined)
})

t.test('whatever happens, all views are equal and right soon after', async (t) => {
  t.equal(firstFailure(250, wild), undefined)
})
