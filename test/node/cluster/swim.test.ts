/** Membership, with simulated servers: each thing that can happen to one, what the others see, and how soon. */
import t from 'tap'
import { WAN } from '../../../src/node/cluster/timing.ts'
import { seeds } from '../../random.ts'
import { Network, type NetworkOptions, type SimulatedServer } from './simulation.ts'

/** A circuit in which all have joined through the first, and which has settled. */
function circuit(size: number, options: Partial<NetworkOptions> = {}): Network {
  const network = new Network({ seed: 1, ...options })
  for (let n = 0; n < size; n++) {
    const server = network.start()
    if (n > 0) server.join(first(network))
    network.run(20)
  }
  settle(network, 40_000)
  network.run(3000)
  return network
}

function pick(network: Network, place: number): SimulatedServer {
  const server = network.servers.at(place)
  if (server === undefined) throw new Error(`there is no server ${place}`)
  return server
}
const first = (network: Network): SimulatedServer => pick(network, 0)
const last = (network: Network): SimulatedServer => pick(network, -1)

/** Until every view is right: how long, in ms. */
function settle(network: Network, limit = 10_000): number {
  const took = network.runUntil(() => network.settled(), limit)
  if (took === undefined) throw new Error(`seed ${network.random.seed}: not settled after ${limit} ms`)
  return took
}

/** How long it took, over many seeds: [median, longest] in ms. */
function times(size: number, act: (network: Network) => void): [number, number] {
  const sorted = seeds(15)
    .map((seed) => {
      const network = circuit(size, { seed })
      act(network)
      return settle(network, 60_000)
    })
    .sort((a, b) => a - b)
  return [sorted[sorted.length >> 1] ?? Number.NaN, sorted.at(-1) ?? Number.NaN]
}

function cut(network: Network, ...lost: SimulatedServer[]): void {
  network.connected = (from, to) => lost.includes(from) === lost.includes(to)
}

const failures = (network: Network): string[] =>
  network.servers.flatMap(({ name, changes }) =>
    changes.filter(({ kind }) => kind === 'failed').map(({ id }) => `${name} lost ${id}`),
  )

for (const size of [3, 10, 30]) {
  t.test(`${size} servers: how soon all see what happens`, async (t) => {
    const [start, slowestStart] = times(size - 1, (network) => network.start().join(first(network)))
    t.ok(start <= 100 && slowestStart <= 500, `a start: ${start}, ${slowestStart} ms`)
    const [leave, slowestLeave] = times(size, (network) => last(network).leave())
    t.ok(leave <= 100 && slowestLeave <= 500, `an orderly stop: ${leave}, ${slowestLeave} ms`)
    const [kill, slowestKill] = times(size, (network) => last(network).kill())
    t.ok(kill <= 3000 && slowestKill <= 6000, `kill -9: ${kill}, ${slowestKill} ms`)
    const [loss, slowestLoss] = times(size, (network) => {
      cut(network, last(network))
      last(network).state = 'left'
    })
    t.ok(loss <= 5000 && slowestLoss <= 10_000, `a host cut off: ${loss}, ${slowestLoss} ms`)
  })
}

t.test('an orderly stop is told from a failure', async (t) => {
  const network = circuit(5)
  const [stopped, killed] = [pick(network, 3), pick(network, 4)]
  stopped.leave()
  killed.kill()
  settle(network)
  for (const { changes } of network.running) {
    t.match(changes.filter(({ id }) => id === stopped.id).at(-1), { kind: 'left' })
    t.match(changes.filter(({ id }) => id === killed.id).at(-1), { kind: 'failed' })
  }
})

t.test(
  'a broken connection makes a killed server known within the time that a refused one has',
  async (t) => {
    const network = circuit(3)
    last(network).kill()
    first(network).swim.check(last(network).id)
    t.ok(settle(network) <= 1000)
  },
)

t.test('the one through whom all joined is killed: nothing changes for the others', async (t) => {
  const network = circuit(10)
  first(network).kill()
  settle(network)
  t.equal(failures(network).length, 9)
})

t.test('a chain of joins whose middle is killed stays one circuit', async (t) => {
  const network = new Network({ seed: 1 })
  for (let n = 0; n < 9; n++) {
    const before = network.servers.at(-1)
    const server = network.start()
    if (before) server.join(before)
    network.run(500)
  }
  pick(network, 4).kill()
  t.ok(settle(network) <= 6000)
})

for (const seconds of [60, 3600])
  t.test(`halves that were apart for ${seconds} s become one by themselves`, async (t) => {
    const network = circuit(10)
    const half = network.servers.slice(0, 5)
    cut(network, ...half)
    network.run(seconds * 1000)
    t.ok(network.settled(half), 'each half sees itself')
    network.connected = () => true
    t.ok(settle(network, 40_000) <= (seconds === 60 ? 10_000 : 40_000))
  })

t.test('two servers apart find each other again', async (t) => {
  const network = circuit(2)
  cut(network, first(network))
  network.run(60_000)
  network.connected = () => true
  t.ok(settle(network) <= 10_000)
})

t.test('a pair that cannot speak to each other stays together through the others', async (t) => {
  const network = circuit(5)
  const pair = network.servers.slice(0, 2)
  network.connected = (from, to) => !(pair.includes(from) && pair.includes(to))
  network.run(300_000)
  t.same(failures(network), [])
  t.ok(network.settled())
})

t.test('one direction only is enough to stay together, through the others', async (t) => {
  const network = circuit(5)
  network.connected = (from, to) => !(from === first(network) && to === last(network))
  network.run(300_000)
  t.same(failures(network), [])
})

t.test(
  'a new server at the same address and of the same name takes the place of the old one at once',
  async (t) => {
    const network = circuit(5)
    const old = last(network)
    old.kill()
    const next = network.start(old.name, Number(old.address.split(':')[1]))
    next.join(first(network))
    t.ok(settle(network) <= 500)
  },
)

t.test('20 % of the packets lost, and 100 ms of jitter, for ten minutes: nobody is dropped', async (t) => {
  const network = circuit(10, { latency: [0, 100] })
  network.loss = 0.2
  network.run(600_000)
  t.same(failures(network), [])
})

t.test('who joins a large circuit knows all in a few round trips', async (t) => {
  const network = circuit(300)
  network.latency = [50, 0]
  const fresh = network.start()
  let complete: boolean | undefined
  fresh.join(first(network), (all) => {
    complete = all
  })
  const took = network.runUntil(() => complete !== undefined, 10_000)
  t.ok(complete && took !== undefined && took <= 500, `it took ${took} ms, at 100 ms each`)
  t.equal(fresh.swim.live.length, 300)
})

t.test('news of a newcomer are not spent on asking it for its own view', async (t) => {
  const network = circuit(300)
  let most = 0
  network.transmit = (packet) => {
    if (packet.message.kind === 'pull') most = Math.max(most, packet.rumors.length)
    return packet
  }
  network.start().join(first(network))
  network.run(1000)
  t.equal(most, 1, 'who asks says who it is, and no more')
})

t.test('on a bad network what a server sends does not grow with the number of servers', async (t) => {
  const perSecond = [20, 200].map((size) => {
    const network = circuit(size)
    network.loss = 0.1
    network.run(10_000)
    const { packets } = network
    network.run(30_000)
    return (network.packets - packets) / size / 30
  })
  const [few = 0, many = 0] = perSecond
  t.ok(many < 1.5 * few, `${few} packets a second among 20, ${many} among 200`)
})

t.test('far apart, by the preset for it: nobody is dropped, and failures are told', async (t) => {
  const network = circuit(10, { timing: WAN, latency: [50, 400] })
  network.loss = 0.1
  network.run(600_000)
  t.same(failures(network), [])
  cut(network, last(network))
  last(network).state = 'left'
  t.ok(settle(network, 60_000) <= 45_000)
})

t.test('a starved server is dropped by nobody, and drops nobody', async (t) => {
  const network = circuit(10)
  first(network).lag = 700
  network.run(600_000)
  t.same(failures(network), [])
})

t.test(
  'a server that was stopped for 2 s is not dropped; for 30 s it is, and comes back by itself',
  async (t) => {
    const network = circuit(10)
    last(network).stop(2000)
    network.run(20_000)
    t.same(failures(network), [])
    last(network).stop(30_000)
    network.run(29_000)
    t.equal(failures(network).length, 9)
    network.run(1000)
    t.ok(settle(network) <= 5000)
    t.same(
      last(network).changes.filter(({ kind }) => kind === 'failed'),
      [],
      'it takes nobody for dead itself',
    )
  },
)

t.test(
  'two circuits become one when a server of one joins the other, and joining again changes nothing',
  async (t) => {
    const network = circuit(5)
    const others = Array.from({ length: 5 }, () => network.start())
    for (const other of others.slice(1)) other.join(others[0] ?? other)
    network.run(2000)
    others[3]?.join(pick(network, 2))
    settle(network)
    const changes = (): number => network.servers.reduce((sum, server) => sum + server.changes.length, 0)
    const before = changes()
    others[2]?.join(pick(network, 1))
    network.run(10_000)
    t.equal(changes(), before)
  },
)

t.test('whom a server lost before another joined it is found by the other, too', async (t) => {
  const network = circuit(2)
  const [near, far] = [first(network), last(network)]
  cut(network, far)
  network.run(20_000)
  const late = network.start()
  late.join(near)
  network.run(2000)
  near.kill()
  network.run(20_000)
  network.connected = () => true
  settle(network, 20_000)
  t.ok(late.swim.sees(far.id))
})

t.test('a storm of 200 starts and ends a minute: right within 10 s after it', async (t) => {
  const network = circuit(20)
  for (let n = 0; n < 500; n++) {
    const { running } = network
    if (running.length < 10 || network.random.chance(0.5)) network.start().join(network.random.pick(running))
    else network.random.pick(running).kill()
    network.run(300)
  }
  t.ok(settle(network, 20_000) <= 10_000)
})

t.test(
  'idle, a server sends less than three packets a second, whatever the size of the circuit',
  async (t) => {
    for (const size of [3, 30, 100]) {
      const network = circuit(size)
      network.run(10_000)
      const before = network.packets
      network.run(60_000)
      const rate = (network.packets - before) / 60 / size
      t.ok(rate > 2.5 && rate < 3, `${size} servers: ${rate}`)
    }
  },
)

t.test('a server that is alone sends nothing and has no timer', async (t) => {
  const network = circuit(2)
  last(network).leave()
  network.run(5000)
  const { packets } = network
  network.run(100_000)
  t.equal(network.packets, packets)
  t.equal(network.agenda.size, 0)
})
