/** Subscriptions without a network: what they tell, and what becomes of what nobody hears. */
import t from 'tap'
import { Budget } from '../../../src/node/budget.ts'
import type { Member, Members, MembersChange } from '../../../src/node/circuit.ts'
import { Subscription } from '../../../src/node/element/subscription.ts'
import type { Namespace } from '../../../src/node/namespace.ts'

const idOf = (n: number): string => `X${n.toString(16).padStart(16, '0')}`
const member = (n: number): Member => ({
  id: idOf(n),
  name: `s${n}`,
  address: '',
  since: n,
  tree: {} as Namespace,
})

/** Members that the test changes. */
function crowd() {
  const listeners = new Set<(change: MembersChange) => void>()
  const self = member(0)
  const present = [self, member(1)]
  const members: Members = {
    self,
    list: () => present,
    get: () => undefined,
    isLost: () => false,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const change = (kind: MembersChange['kind'], n: number): void => {
    for (const listener of listeners) listener({ kind, member: member(n) })
  }
  return { members, change, listeners }
}

/** The messages that wait; each is read as `<> recv` would. */
function read(subscription: Subscription): string[] {
  const handle = subscription.channel.openReceive({ read: true, write: true, append: false, truncate: false })
  const messages: string[] = []
  for (let text = ''; ; ) {
    const bytes = handle.read(100)
    if (bytes === undefined) break
    text += Buffer.from(bytes)
    if (bytes.length > 0) continue
    messages.push(text.trim())
    text = ''
  }
  handle.close()
  return messages
}

t.test('those that are there, then those that come; and those that go', async (t) => {
  const { members, change, listeners } = crowd()
  const budget = new Budget(1 << 30)
  const [joins, leaves] = [
    new Subscription('join', members, budget),
    new Subscription('leave', members, budget),
  ]
  change('joined', 2)
  change('failed', 1)
  change('left', 2)
  change('joined', 1)
  t.same(joins.peek(), { Source: 'join', Pending: 4, Closed: false })
  t.same(
    read(joins),
    [0, 1, 2, 1].map((n) => `/${idOf(n)}`),
  )
  t.same(
    read(leaves),
    [1, 2].map((n) => `/${idOf(n)}`),
  )
  t.ok(joins.alive)
  for (const subscription of [joins, leaves]) subscription.scrub()
  change('joined', 3)
  t.equal(listeners.size, 0)
  t.match(joins.peek(), { Pending: 0, Closed: true })
  t.notOk(joins.alive)
  t.equal(budget.used, 0)
})

t.test('beyond 4096 the oldest go, and it is said how many', async (t) => {
  const { members, change } = crowd()
  const budget = new Budget(1 << 30)
  const leaves = new Subscription('leave', members, budget)
  for (let n = 1; n <= 4096; n++) change('left', n)
  t.match(leaves.peek(), { Pending: 4096 })
  t.equal(read(leaves).length, 4096, 'so many stay')
  for (let n = 1; n <= 5000; n++) change('left', n)
  t.match(leaves.peek(), { Pending: 4096 })
  const [first, ...rest] = read(leaves)
  t.equal(first, 'lost 905')
  t.same(
    rest,
    Array.from({ length: 4095 }, (_, n) => `/${idOf(906 + n)}`),
  )
  for (let n = 1; n <= 4097; n++) change('left', n)
  t.equal(read(leaves)[0], 'lost 2', 'what was told is not told again')
  leaves.scrub()
  t.equal(budget.used, 0)
})

t.test('what a killed reader had returns, also when it was how many went', async (t) => {
  const { members, change } = crowd()
  const leaves = new Subscription('leave', members, new Budget(1 << 30))
  for (let n = 1; n <= 4100; n++) change('left', n)
  const handle = leaves.channel.openReceive({ read: true, write: false, append: false, truncate: false })
  t.equal(String(handle.read(100)), 'lost 5\n')
  handle.abandon()
  handle.close()
  change('left', 5000)
  t.same(read(leaves).slice(0, 2), ['lost 6', `/${idOf(7)}`])
})
