/** Buffers that are used again. */
import t from 'tap'
import { BufferPool } from '../../src/node/buffer-pool.ts'

t.test('what is given back is used again, and only so much is kept', async (t) => {
  const pool = new BufferPool(100, 2)
  const lent = [pool.take(), pool.take(), pool.take()]
  t.equal(new Set(lent).size, 3)
  t.ok(lent.every(({ length }) => length === 100))
  for (const buffer of lent) pool.give(buffer)
  const again = [pool.take(), pool.take(), pool.take()]
  t.equal(again.filter((buffer) => lent.includes(buffer)).length, 2)
  t.equal(new Set(again).size, 3)
})
