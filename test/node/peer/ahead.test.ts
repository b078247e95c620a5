/** What may be sent to a reader far away before it asks, and what returns. */
import t from 'tap'
import { Ahead, MAX_AHEAD_BYTES } from '../../../src/node/peer/ahead.ts'
import { failure, random, seeds } from '../../random.ts'

t.test('a reader gets twice as much ahead as it has read, up to a limit', async (t) => {
  const ahead = new Ahead()
  ahead.sent(Buffer.alloc(100))
  t.ok(ahead.room <= 0, 'nothing before it has taken anything')
  ahead.taken(100)
  t.equal(ahead.room, 200)
  ahead.sent(Buffer.alloc(60))
  t.equal(ahead.room, 140)
  for (let total = 160; total < 3 * MAX_AHEAD_BYTES; total += 1000) {
    ahead.taken(total)
    ahead.sent(Buffer.alloc(1000))
  }
  t.ok(ahead.room <= MAX_AHEAD_BYTES)
})

t.test('a number that cannot be does no harm', async (t) => {
  const ahead = new Ahead()
  ahead.sent(Buffer.from('abc'))
  ahead.taken(-5)
  ahead.taken(2)
  ahead.taken(1)
  t.equal(ahead.takeBack().toString(), 'c')
  ahead.sent(Buffer.from('de'))
  ahead.taken(1e300)
  t.equal(ahead.takeBack().length, 0)
})

t.test('what was not taken returns, whatever the pieces', async (t) => {
  for (const seed of seeds(200)) {
    const next = random(seed)
    const ahead = new Ahead()
    let sent = ''
    let taken = 0
    for (let step = 0; step < 30; step++) {
      if (next.chance(0.5)) {
        const piece = String.fromCharCode(97 + (step % 26)).repeat(next.int(5))
        ahead.sent(Buffer.from(piece))
        sent += piece
      } else {
        taken += next.int(sent.length - taken + 1)
        ahead.taken(taken)
      }
    }
    const back = ahead.takeBack().toString()
    if (back !== sent.slice(taken)) return t.fail(failure(seed, `${back} instead of ${sent.slice(taken)}`))
  }
  t.pass('always')
})
