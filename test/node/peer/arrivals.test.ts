/** What has come for a reader far away: in order, taken with the operation after, and back where it was not. */
import t from 'tap'
import { MAX_QUEUED_BYTES } from '../../../src/node/byte-queue.ts'
import { Arrivals } from '../../../src/node/peer/arrivals.ts'
import { CircuitError } from '../../../src/proto/errors.ts'
import { failure, random, seeds } from '../../random.ts'

const AHEAD = { streaming: true, delicate: false }
const ASKED = { streaming: false, delicate: true }

const read = (arrivals: Arrivals, max: number): string | undefined => {
  const read = arrivals.read(max)
  return read && Buffer.from(read.bytes).toString()
}

t.test(
  'answers come in their order, with their parts together, an end and an error in their places',
  async (t) => {
    const arrivals = new Arrivals()
    t.equal(arrivals.read(10), undefined)
    arrivals.add(Buffer.from('ab'))
    t.ok(arrivals.isEmpty, 'half an answer is none')
    arrivals.add(Buffer.from('cd'))
    arrivals.complete(ASKED)
    arrivals.complete(ASKED)
    arrivals.fail(new CircuitError('ECANCELED'))
    t.equal(arrivals.answered, 3)
    t.equal(read(arrivals, 3), 'abc')
    t.equal(read(arrivals, 3), 'd')
    t.equal(read(arrivals, 3), '', 'the end')
    t.throws(() => arrivals.read(3), { code: 'ECANCELED' })
    t.equal(arrivals.read(3), undefined)
  },
)

t.test("what was asked for and reached nobody is the other side's again", async (t) => {
  const arrivals = new Arrivals()
  arrivals.add(Buffer.from('abc'))
  arrivals.complete(ASKED)
  t.equal(read(arrivals, 9), 'abc')
  t.notOk(arrivals.unread())
  t.equal(arrivals.read(9), undefined)
})

t.test('more than can have been asked for is refused', async (t) => {
  const arrivals = new Arrivals()
  arrivals.add(Buffer.alloc(MAX_QUEUED_BYTES))
  t.throws(() => arrivals.add(Buffer.alloc(1)), { code: 'EPROTO' })
})

t.test(
  'whatever is read, unread and returned: nothing is lost or doubled, and all is accounted for',
  async (t) => {
    for (const seed of seeds(300)) {
      const { int, chance } = random(seed)
      const arrivals = new Arrivals()
      let sent = ''
      /** Read in all, of which the last may come back. */
      let seen = ''
      let lastRead = 0
      let told = 0
      for (let step = 0; step < 60; step++) {
        if (chance(0.4)) {
          const piece = String.fromCharCode(97 + (step % 26)).repeat(1 + int(40))
          arrivals.add(Buffer.from(piece))
          arrivals.complete(AHEAD)
          sent += piece
        } else if (chance(0.6)) {
          const piece = read(arrivals, 1 + int(30)) ?? ''
          if (!sent.startsWith(seen + piece))
            return t.fail(failure(seed, `step ${step}: ${piece} after ${seen}`))
          seen += piece
          lastRead = piece.length
        } else if (chance(0.3) && lastRead > 0) {
          if (!arrivals.unread()) return t.fail(failure(seed, `step ${step}: it was sent ahead`))
          seen = seen.slice(0, seen.length - lastRead)
          lastRead = 0
        } else if (chance(0.5)) {
          const back = int(seen.length + 1)
          arrivals.returned(Buffer.from(seen.slice(seen.length - back)))
          seen = seen.slice(0, seen.length - back)
          lastRead = 0
        } else told = Math.max(told, arrivals.tell())
      }
      const { taken, returned } = arrivals.close()
      const back = Buffer.from(returned).toString()
      if (taken !== seen.length) return t.fail(failure(seed, `${taken} taken instead of ${seen.length}`))
      if (back !== sent.slice(taken, Math.max(taken, told)))
        return t.fail(failure(seed, `${back} returned, ${told} told, ${taken} taken`))
    }
    t.pass('all seeds')
  },
)
