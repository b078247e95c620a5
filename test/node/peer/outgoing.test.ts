/** Bytes on their way to a socket: all of them, in order, in pieces that are used again. */
import t from 'tap'
import { Outgoing } from '../../../src/node/peer/outgoing.ts'
import { failure, random, seeds } from '../../random.ts'

const PATTERN = random(1).bytes(500_000)

t.test('what goes in comes out, in pieces of at most 68 KiB', async (t) => {
  for (const seed of seeds(15)) {
    const { pick, int, chance } = random(seed)
    const outgoing = new Outgoing()
    let expected = Buffer.alloc(0)
    for (let n = 0; n < 60; n++) {
      const put = PATTERN.subarray(0, pick([0, 12, int(200), int(100_000), 68 << 10, int(500_000)]))
      outgoing.push(put)
      expected = Buffer.concat([expected, put])
      if (outgoing.length !== expected.length)
        return t.fail(failure(seed, `step ${n}: it holds ${outgoing.length} of ${expected.length}`))
      while (chance(0.7)) {
        const piece = outgoing.take()
        if (piece === undefined) break
        if (piece.length > 68 << 10 || !piece.equals(expected.subarray(0, piece.length)))
          return t.fail(failure(seed, `step ${n}: other bytes`))
        expected = expected.subarray(piece.length)
        outgoing.give(piece)
      }
    }
  }
  t.pass('all seeds')
})

t.test('a piece is used again only when it has been given back', async (t) => {
  const outgoing = new Outgoing()
  outgoing.push(Buffer.from('one'))
  const one = outgoing.take()
  outgoing.push(Buffer.from('two'))
  const two = outgoing.take()
  t.same([one?.toString(), two?.toString()], ['one', 'two'])
  t.not(one?.buffer, two?.buffer)
  if (one) outgoing.give(one)
  outgoing.push(Buffer.from('three'))
  t.equal(outgoing.take()?.buffer, one?.buffer)
  t.equal(outgoing.take(), undefined)
})
