/** The parts of membership that are worth a look of their own: what suspicion takes, which news are told first, which views are equal. */
import t from 'tap'
import { Awareness } from '../../../src/node/cluster/awareness.ts'
import type { Environment } from '../../../src/node/cluster/environment.ts'
import { type Info, ROOM, type Rumor, sizeOf } from '../../../src/node/cluster/messages.ts'
import { Prober } from '../../../src/node/cluster/prober.ts'
import { Roster } from '../../../src/node/cluster/roster.ts'
import { Rumors } from '../../../src/node/cluster/rumors.ts'
import { Suspicion } from '../../../src/node/cluster/suspicion.ts'
import { LAN, searchDelay, suspicionBounds, transmissions } from '../../../src/node/cluster/timing.ts'
import { random } from '../../random.ts'
import { Agenda } from './agenda.ts'

const info = (n: number, name = `s${n}`): Info => ({
  id: `X${n.toString(16).padStart(16, '0')}`,
  name,
  address: `10.0.0.1:${n}`,
  since: n,
})
const left = (n: number, incarnation = 0): Rumor => ({ kind: 'left', id: info(n).id, incarnation })

t.test('a suspicion lasts the shorter the more share it', async (t) => {
  const bounds = { least: 2000, most: 5000 }
  const suspicion = new Suspicion(1000, bounds, 3, 'a')
  t.equal(suspicion.deadline, 6000)
  t.notOk(suspicion.confirm('a'), 'the first one again is no news')
  const deadlines = ['b', 'c', 'd'].map((accuser) => suspicion.confirm(accuser) && suspicion.deadline)
  t.same(deadlines, [...deadlines].sort().reverse())
  t.equal(deadlines.at(-1), 3000)
  t.notOk(suspicion.confirm('e'), 'more are not needed')
  t.equal(new Suspicion(0, bounds, 0, 'a').deadline, 2000, 'where nobody else could share it, it is short')
})

t.test('times follow from the number of servers as documented', async (t) => {
  t.same(suspicionBounds(LAN, 3), { least: 2300, most: 5750 })
  t.same(suspicionBounds(LAN, 30).least, 2900)
  t.same(suspicionBounds(LAN, 10_000).least, 4100)
  t.same(
    [3, 30, 1000].map((servers) => transmissions(LAN, servers)),
    [4, 8, 16],
  )
  t.same(
    [0, 60_000, 1e9].map((age) => searchDelay(LAN, age)),
    [1000, 7500, 30_000],
  )
})

t.test('awareness stays within its bounds', async (t) => {
  const awareness = new Awareness(8)
  awareness.change(-1)
  t.equal(awareness.scale(100), 100)
  awareness.change(20)
  t.equal(awareness.scale(100), 900)
})

t.test('news are told a bounded number of times, the least told first', async (t) => {
  const rumors = new Rumors()
  rumors.add(left(1))
  t.same(rumors.take(ROOM, 3), [left(1)])
  rumors.add(left(2))
  t.same(rumors.take(34, 3), [left(2)], 'there is room for one')
  rumors.add(left(1, 5))
  t.same(
    rumors.take(ROOM, 3),
    [left(1, 5), left(2)],
    'the newer one of a server takes the place of the older one',
  )
  for (let n = 0; n < 3; n++) rumors.take(ROOM, 3)
  t.equal(rumors.size, 0)
})

t.test('what is taken fits', async (t) => {
  const rumors = new Rumors()
  for (let n = 0; n < 100; n++) rumors.add({ kind: 'alive', info: info(n, 'n'.repeat(n)), incarnation: 0 })
  while (rumors.size > 0) {
    const taken = rumors.take(ROOM, 1)
    t.ok(taken.length > 0 && taken.reduce((sum, rumor) => sum + sizeOf(rumor), 0) <= ROOM)
  }
})

/** Whom a prober asks in its first turns: 20 members, half of which come while it asks. All answer. */
function firstRound(seed: number): string[] {
  const agenda = new Agenda()
  const chance = random(seed)
  const asked: string[] = []
  const environment: Environment = {
    now: () => agenda.now,
    random: () => chance.int(2 ** 30) / 2 ** 30,
    schedule: (delay, run) => {
      let cancelled = false
      agenda.add(agenda.now + delay, () => cancelled || run())
      return () => {
        cancelled = true
      }
    },
    send: () => {},
    knock: () => {},
  }
  const roster = new Roster(info(0))
  const prober = new Prober({
    environment,
    timing: LAN,
    awareness: new Awareness(0),
    roster,
    send: ({ id }, message) => {
      asked.push(id)
      if (message.kind === 'ping') prober.onAck(message.seq)
    },
    onSilent: () => {},
  })
  for (let n = 1; n <= 20; n++) {
    prober.added(roster.add(info(n), 'alive', 0, 0))
    if (n > 10) agenda.runUntil(agenda.now + LAN.probeInterval)
  }
  agenda.runUntil(agenda.now + 10 * LAN.probeInterval)
  return asked
}

t.test('each member is asked once in a round, also who comes meanwhile, in an order of chance', async (t) => {
  const all = Array.from({ length: 20 }, (_, n) => info(n + 1).id)
  const orders = [1, 2].map(firstRound)
  for (const order of orders) t.same([...order].sort(), all)
  t.notSame(orders[0], orders[1])
})

t.test('equal views have equal digests, however they came about', async (t) => {
  const [a, b] = [new Roster(info(1)), new Roster(info(2))]
  const two = a.add(info(2), 'dead', 3, 0)
  a.add(info(3), 'alive', 7, 0)
  b.add(info(3), 'alive', 6, 0)
  b.add(info(1), 'suspect', 0, 0)
  t.not(a.digest, b.digest)
  a.set(two, 'alive', 4, 0)
  b.reincarnate(4)
  t.not(a.digest, b.digest)
  const three = b.get(info(3).id)
  if (three) b.set(three, 'alive', 7, 0)
  t.equal(a.digest, b.digest)
  t.same([a.size, b.size, a.lost.length], [3, 3, 0])
})

t.test('pages have everybody once, in datagrams', async (t) => {
  const roster = new Roster(info(0))
  for (let n = 1; n < 200; n++) roster.add(info(n, 'n'.repeat(n % 256)), n % 3 ? 'alive' : 'dead', 0, 0)
  const ids: string[] = []
  for (let start = '', pages = 0; pages < 200; pages++) {
    const { records, next } = roster.page(start, 0)
    t.ok(records.reduce((sum, record) => sum + sizeOf(record), 0) <= ROOM)
    ids.push(...records.map((record) => ('info' in record ? record.info.id : record.id)))
    if (next === '') break
    start = next
  }
  t.same(
    ids,
    Array.from({ length: 200 }, (_, n) => info(n).id),
  )
})

t.test('who was last seen at an address is found, whether many are awaited or few', async (t) => {
  const roster = new Roster(info(0))
  const at = (n: number, port: number): Info => ({ ...info(n), address: info(port).address })
  const old = roster.add(at(1, 1), 'alive', 0, 0)
  const other = roster.add(at(2, 2), 'alive', 0, 0)
  const next = roster.add(at(3, 1), 'alive', 0, 0)
  const check = (): void => {
    t.equal(roster.at(old.info.address), next)
    t.equal(roster.at(other.info.address), other)
    t.equal(roster.at(info(4).address), undefined)
  }
  check()
  roster.awaitMany()
  check()
  const last = roster.add(info(4), 'alive', 0, 0)
  t.equal(roster.at(last.info.address), last)
  roster.forget(last)
  check()
  roster.awaitFew()
  check()
})

t.test('who will hardly come back is forgotten, and the longest lost beyond a number', async (t) => {
  const roster = new Roster(info(0))
  for (let n = 1; n <= 10; n++) roster.add(info(n), 'dead', 0, n)
  roster.add(info(11), 'left', 0, 5)
  roster.prune(6, 4)
  t.same(roster.lost.map(({ info }) => info.since).sort(), [10, 7, 8, 9])
  t.equal(roster.get(info(11).id), undefined)
  const gone = roster.get(info(8).id)
  if (gone) gone.gone = true
  roster.prune(9, 4)
  t.equal(roster.lost.length, 3)
})
