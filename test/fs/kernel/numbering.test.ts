import t from 'tap'
import { Numbering } from '../../../src/fs/kernel/numbering.ts'

const numbering = (...uniques: readonly number[]): Numbering => {
  const made = new Numbering()
  for (const unique of uniques) made.came(unique)
  return made
}

t.test('a number that never came is missing', async (t) => {
  const gap = numbering(2, 4, 8, 10)
  t.ok(gap.isAnyMissing(4, 10))
  t.notOk(gap.isAnyMissing(8, 10), 'after it')
  t.notOk(gap.isAnyMissing(2, 4), 'before it')
  t.notOk(numbering(2, 4, 6).isAnyMissing(0, 6))
  t.equal(gap.newest, 10)
})

t.test('a number that comes late is not', async (t) => {
  t.notOk(numbering(2, 6, 4, 8).isAnyMissing(0, 8))
  t.equal(numbering(2, 6, 4).newest, 6)
})

t.test('an interrupt bears the number of its request, plus one', async (t) => {
  const interrupted = numbering(2, 3, 4, 3)
  t.equal(interrupted.newest, 4)
  t.notOk(interrupted.isAnyMissing(0, 4))
})

t.test('what is too long ago to tell counts as missing, and a jump costs no work', async (t) => {
  const jumped = numbering(2, 4, 2 ** 40)
  t.ok(jumped.isAnyMissing(4, 2 ** 40))
  t.notOk(jumped.isAnyMissing(2 ** 40, 2 ** 41))
  jumped.came(2 ** 40 + 4)
  const gap = (after: number): boolean => jumped.isAnyMissing(after, 2 ** 41)
  t.ok(gap(2 ** 40))
  for (let unique = 2 ** 40 + 6; unique < 2 ** 40 + 2 ** 18; unique += 2) jumped.came(unique)
  t.notOk(gap(2 ** 40 + 2 ** 18 - 1000))
  t.ok(gap(2 ** 40))
})
