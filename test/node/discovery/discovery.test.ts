/** When a server calls out for others: often while it is alone, once a minute for a circuit, and else never. */
import { mock } from 'node:test'
import t from 'tap'
import { Discovery } from '../../../src/node/discovery/discovery.ts'

const MINUTE = 60_000
const SELF = { id: 'X0000000000000001', address: '10.0.0.1:1' }

t.test('a server calls ever more rarely while it is alone, and for its circuit once a minute', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const members = { count: 1, first: true }
  let calls = 0
  const discovery = new Discovery({
    ways: [{ start: async () => {}, call: () => void calls++, stop: async () => {} }],
    self: () => SELF,
    members: { size: () => members.count, knows: () => false, isFirst: () => members.first },
    join: async () => {},
    log: () => {},
  })
  const during = (time: number): number => {
    const before = calls
    for (let passed = 0; passed < time; passed += 50) mock.timers.tick(50)
    return calls - before
  }
  await discovery.start()
  t.equal(calls, 1, 'at once')
  t.ok(during(5000) >= 4, 'often at first')
  during(MINUTE)
  const alone = during(10 * MINUTE)
  t.ok(alone >= 30 && alone <= 54, `then each 15 s: ${alone} times in ten minutes`)

  members.count = 2
  discovery.changed()
  const formed = during(MINUTE)
  t.ok(
    formed >= 3 && formed <= 5,
    `for its circuit, of which there may be two as yet, ${formed} times in a minute`,
  )
  const together = during(10 * MINUTE)
  t.ok(together >= 8 && together <= 14, `then each minute: ${together} times in ten minutes`)
  let inChurn = 0
  for (let passed = 0; passed < 10 * MINUTE; passed += MINUTE / 4) {
    members.count++
    discovery.changed()
    inChurn += during(MINUTE / 4)
  }
  t.ok(inChurn >= 8, `and where servers come all the time: ${inChurn} times in ten minutes`)

  members.first = false
  discovery.changed()
  t.equal(during(10 * MINUTE), 0, 'another calls for the circuit')

  members.count = 1
  members.first = true
  discovery.changed()
  t.ok(during(5000) >= 4, 'alone again, often again')
  await discovery.stop()
  t.equal(during(MINUTE), 0)
})
