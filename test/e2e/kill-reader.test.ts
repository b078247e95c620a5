/** Readers of a process's output that are killed in mid-stream: what they were not handed is for the next. */
import t from 'tap'
import { noMount, startServer } from '../server.ts'
import { compile, run } from './programs.ts'

const KILLS = 400
/** Numbers of 4 bytes that the process writes: more than the readers get to. */
const WORDS = 30_000_000

t.test('a stream whose readers are killed goes on where they were', { skip: noMount }, async (t) => {
  const stream = compile('stream')
  const server = await startServer(t)
  const anchor = await server.anchor(`run ${stream} write ${WORDS} ${process.pid}`)
  const words = [`${anchor}/stdout`, String(KILLS), String(WORDS), String(process.pid)]
  const outcomes = JSON.parse(await run(stream, ['read', ...words]))
  t.comment(outcomes)
  t.match(outcomes, { whole: true, lost: 0, doubled: 0 })
  t.ok(outcomes.killed > KILLS / 2, 'most were killed')
  // Between the return of a read and the next instruction there is hardly time to be killed.
  t.ok(outcomes.uncounted <= KILLS / 40, 'what a reader was not handed is not taken from it')
})
