import t from 'tap'
import { LOG_ENTRIES, OpLog } from '../../src/node/oplog.ts'

const sequences = (log: OpLog): number[] =>
  log
    .text()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).seq)

t.test('it keeps the last entries, in order', async (t) => {
  const log = new OpLog()
  t.equal(log.text(), '')
  const add = (count: number): void => {
    for (let n = 0; n < count; n++) log.add({ operation: 'make', path: '/x', outcome: 'ok' })
  }
  const kept = (): void => {
    const first = Math.max(1, log.count - LOG_ENTRIES + 1)
    const expected = Array.from({ length: log.count - first + 1 }, (_, n) => first + n)
    t.same(sequences(log).join(), expected.join(), `after ${log.count}`)
  }
  for (const count of [1, 2, LOG_ENTRIES - 4, 1, 1, 1, LOG_ENTRIES / 2, LOG_ENTRIES]) {
    add(count)
    kept()
  }
})

t.test('a line says all there is to say', async (t) => {
  const log = new OpLog()
  const heard: string[] = []
  const stop = log.listen((line) => heard.push(line))
  const who = { uid: 1, gid: 2, pid: 3 }
  log.add({ operation: 'command', path: '/x', who, command: 'a "b"\n', outcome: 'ok' })
  log.add({ operation: 'exit', path: '/x', outcome: '0' })
  log.add({ operation: 'make', path: '/y', who: { ...who, peer: 'X1' }, outcome: 'EEXIST taken' })
  stop()
  log.add({ operation: 'make', path: '/z', outcome: 'ok' })
  t.equal(
    heard.join(''),
    log.text().split('\n').slice(0, 3).join('\n').concat('\n'),
    'listeners hear the same',
  )
  t.match(
    heard.map((line) => JSON.parse(line)),
    [
      { seq: 1, who: { uid: 1, pid: 3 }, op: 'command', path: '/x', command: 'a "b"\n', outcome: 'ok' },
      { seq: 2, who: 'server', op: 'exit', path: '/x', outcome: '0' },
      { seq: 3, who: { uid: 1, pid: 3, peer: 'X1' }, op: 'make', path: '/y', outcome: 'EEXIST taken' },
    ],
  )
  t.ok(Math.abs(Date.parse(JSON.parse(heard[0] ?? '').time) - Date.now()) < 60_000)
})
