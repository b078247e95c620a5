import t from 'tap'
import { compare, fact, markdown, missed, short, spread } from '../../bench/report.ts'

/** A measurement that gives these rates, one after the other. */
const rates = (...values: number[]) => {
  let at = 0
  return async (): Promise<number> => values[at++ % values.length] ?? Number.NaN
}

t.test('a spread has the median, also of an even number of values', async (t) => {
  t.strictSame(spread([3, 1, 2]), { median: 2, min: 1, max: 3 })
  t.strictSame(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 })
})

t.test('a ratio is the median of the ratios of the rounds; the warm-up does not count', async (t) => {
  const found = await compare('x', rates(1, 100, 200, 100), rates(1, 50, 50, 90), { rounds: 3 })
  t.strictSame(found.ratio, { median: 0.5, min: 0.25, max: 0.9 })
  t.equal(found.rounds, 3)
})

t.test('who goes first changes from round to round', async (t) => {
  const order: string[] = []
  const side = (name: string) => async (): Promise<number> => order.push(name)
  await compare('x', side('floor'), side('ours'), { rounds: 2, warmUp: false })
  t.strictSame(order, ['floor', 'ours', 'ours', 'floor'])
})

t.test('a rate that is none is an error, not a figure', async (t) => {
  await t.rejects(compare('x', rates(0), rates(1)), /x: no rates/)
  await t.rejects(compare('x', rates(1), rates(Number.NaN)), /x: no rates/)
})

t.test('what misses its target says NO, and is named', async (t) => {
  const good = await compare('good', rates(2), rates(1), { target: 0.5, least: 1, where: 'here' })
  const slow = await compare('slow', rates(2), rates(1), { target: 0.6, where: 'here' })
  const few = await compare('few', rates(2), rates(1), { least: 2, where: 'here' })
  const findings = { comparisons: [good, slow, few], facts: [fact('awake', 1, 'times', { most: 0 })] }
  t.strictSame(missed(findings), ['slow (here)', 'few (here)', 'awake'])
  const rows = markdown(findings).split('\n')
  t.match(rows[2], /\| good \| here \| 2 \| 1 \| ops\/s \| 0.5 \| 0.5–0.5 \| ≥ 0.5, ≥ 1 ops\/s \| yes \|/)
  t.match(rows[3], /\| NO \|$/)
})

t.test('numbers have the digits that count', async (t) => {
  t.strictSame([0.12345, 12.345, 1234.5, 1234567].map(short), ['0.123', '12.3', '1,235', '1,235,000'])
})
