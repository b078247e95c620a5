/** The checker of histories accepts what channels promise, and nothing else. */
import t from 'tap'
import { findFaults, type History, type Received, type Sent } from './history.ts'

let clock = 0n
const now = (): bigint => (clock += 1_000_000_000n)
const sent = (n: number, errno = 0): Sent => ({ channel: 0, sender: 0, n, at: now(), errno })
const event = (what: 'seen' | 'taken' | 'wrong', n: number): Received => ({
  what,
  channel: 0,
  sender: 0,
  n,
  at: now(),
})
const whole = (n: number): Received[] => [event('seen', n), event('taken', n)]
const early = (message: Sent): Sent => ({ ...message, at: 0n })
const failed = (errno = 0): Received => ({ what: 'failed', errno, at: now() })
const faults = (sent: readonly Sent[], ...receivers: Received[][]): string[] =>
  findFaults({ sent, receivers: receivers.map((events) => ({ channel: 0, events })) } satisfies History)

t.test('what is promised', async (t) => {
  t.strictSame(faults([]), [])
  t.strictSame(faults([sent(0), sent(1)], whole(0), whole(1)), [], 'each to one receiver')
  t.strictSame(faults([sent(0, 112)], []), [], 'a send that failed may have sent nothing')
  t.strictSame(faults([sent(0, 112)], whole(0)), [], 'or all')
  t.strictSame(faults([sent(0, 112)], [event('seen', 0), failed(104)]), [], 'or a part')
  t.strictSame(
    faults([sent(0)], [event('seen', 0), failed()], whole(0)),
    [],
    'it returns from a killed receiver',
  )
  t.strictSame(faults([sent(0)], [event('seen', 0), failed()]), [], 'or was its own, and is lost with it')
  const killed = [event('seen', 0), failed()]
  t.strictSame(faults([sent(0), sent(1)], killed, [...whole(1), ...whole(0)]), [], 'and may come later then')
  const late = [...whole(1), failed(), ...whole(0)]
  t.strictSame(faults([sent(0), sent(1)].map(early), late), [], 'as may one that was on its way to one')
  t.strictSame(faults([sent(0), sent(1, 112), sent(2)], [...whole(0), ...whole(2), ...whole(1)]), [])
})

t.test('what is not', async (t) => {
  const one = (expected: RegExp, sent: readonly Sent[], ...receivers: Received[][]): void => {
    const found = faults(sent, ...receivers)
    t.equal(found.length, 1, found.join('; '))
    t.match(found[0], expected)
  }
  one(/sent, and never received/, [sent(0)])
  one(/sent, and never received/, [sent(0), sent(1)], [...whole(0), failed()])
  one(
    /received 2 times/,
    [sent(0)],
    [event('seen', 0), event('seen', 0)].slice(1).concat(event('taken', 0)),
    whole(0).map((e) => ({ ...e, at: 1n })),
  )
  one(/never sent/, [], [event('taken', 7)])
  one(/not whole/, [sent(0, 112)], [event('seen', 0), event('wrong', 0)])
  one(/cut short/, [sent(0)], [event('seen', 0), failed(104)])
  one(/came after message 1/, [sent(0), sent(1)], [...whole(1), ...whole(0)])
  one(
    /came after message 2/,
    [0, 1, 2].map((n) => early(sent(n))),
    [...whole(2), failed(), ...whole(0), ...whole(1)],
  )
  const first = whole(0)
  one(/after it was received/, [sent(0)], first, [event('seen', 0), failed()])
  one(/had no end/, [sent(0, 112), sent(1)], [event('seen', 0), ...whole(1)])
  one(/had not begun/, [sent(0)], [event('taken', 0)])
  one(/sent twice/, [sent(0), sent(0)], whole(0))
})
