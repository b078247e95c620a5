/**
 * Senders that are killed while their message passes: a receiver gets it whole, or is told that it was cut short, or
 * gets nothing at all.
 */
import t from 'tap'
import { noMount, startServer } from '../server.ts'
import { compile, run } from './programs.ts'

const ROUNDS = 800

t.test('a sender killed in the middle of its message', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const anchor = await server.anchor('mkchan 1')
  const outcomes = JSON.parse(
    await run(compile('race'), ['senders', anchor, String(ROUNDS), String(process.pid)]),
  )
  t.comment(outcomes)
  t.match(outcomes, { truncated: 0, phantom: 0, lost: 0, wrong: 0 })
  t.ok(outcomes.whole > 0 && outcomes.cut > 0 && outcomes.nothing > 0, 'it was a race')
  const state = JSON.parse((await server.sh('cat "$A/peek"', { env: { A: anchor } })).stdout)
  t.equal(state.NumSend, outcomes.whole + outcomes.cut, 'only what was begun was sent')
})
