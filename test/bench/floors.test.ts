import { existsSync } from 'node:fs'
import t from 'tap'
import { isMounted, withFloorFs } from '../../bench/floors.ts'
import { runLoad, runPair } from '../../bench/loads.ts'
import { withFifo } from '../../bench/peers.ts'
import { noMount } from '../server.ts'

t.test(
  'the C file server is mounted, serves a load, and is gone afterwards',
  { skip: noMount },
  async (t) => {
    const dir = await withFloorFs({}, async (floor) => {
      t.ok(isMounted(floor.dir))
      const { ops, cut } = await runLoad(['stat', floor.small, '100'])
      t.strictSame({ ops, cut }, { ops: 100, cut: false })
      const { bytes } = await runLoad(['smallwrite', floor.sink, '100', '50'])
      t.equal(bytes, 5000)
      return floor.dir
    })
    t.notOk(existsSync(dir))
  },
)

t.test('a load that the clock ends says so', async (t) => {
  const { ops, cut } = await runLoad(['stat', '/', '1G'], { limit: 0.2 })
  t.ok(cut)
  t.ok(ops > 0)
})

t.test('the two ends of a pair have moved the same bytes', async (t) =>
  withFifo(async (fifo) => {
    const { bytes } = await runPair(['drain', fifo, '4K'], ['pump', fifo, '4K', '1M'])
    t.equal(bytes, 1 << 20)
  }),
)

t.test('a load that fails says why', async (t) => {
  await t.rejects(runLoad(['stat', '/nowhere/at/all', '1']), /stat \/nowhere\/at\/all: No such file/)
})
