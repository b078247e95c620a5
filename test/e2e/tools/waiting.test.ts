/** What waits and what does not, as docs/tools.md says; and that what waits ends when it is told to. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { noMount, until } from '../../server.ts'
import { HOLDS, type Waiting, waiting } from './waiting.ts'
import { pattern, Workshop } from './workshop.ts'

async function checkThatItWaits(t: Test, workshop: Workshop, row: Waiting): Promise<void> {
  const { run, shell = 'sh', status = 143, prints = '' } = row
  const anchor = await workshop.anchor(HOLDS[row.in])
  const [program = '', ...words] = shell.split(' ')
  const child = spawn(program, [...words, '-c', run], {
    cwd: anchor,
    env: await workshop.environment(),
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  })
  let printed = ''
  child.stdout.on('data', (data) => {
    printed += data
  })
  const ended = once(child, 'close')
  try {
    await workshop.callWaits()
    t.equal(child.exitCode, null, `${shell}: ${run}: waits`)
    process.kill(-(child.pid ?? 0), 'SIGTERM')
  } catch (error) {
    process.kill(-(child.pid ?? 0), 'SIGKILL')
    throw error
  }
  await ended
  t.equal(child.exitCode ?? 128 + 15, status, `${shell}: ${run}: status`)
  t.equal(printed, prints, `${shell}: ${run}: prints`)
  // The shell may be gone before what it ran.
  await until(async () => (await workshop.waitingCalls()) === 0)
}

async function checkThatItDoesNotWait(t: Test, workshop: Workshop, row: Waiting): Promise<void> {
  const { run, status = 0, prints, complains } = row
  const outcome = await workshop.run(await workshop.anchor(HOLDS[row.in]), row)
  t.equal(outcome.status, status, `${run}: status`)
  if (prints !== undefined) t.equal(outcome.stdout, prints, `${run}: prints`)
  if (complains) t.match(outcome.stderr, pattern(complains), `${run}: says`)
  else t.equal(outcome.stderr, '', `${run}: does not complain`)
}

t.test('waiting', { skip: noMount }, async (t) => {
  const workshop = await Workshop.open(t)
  for (const row of waiting) await (row.waits ? checkThatItWaits : checkThatItDoesNotWait)(t, workshop, row)
  t.notMatch(workshop.server.log(), /Warning|internal error/, 'the server has nothing to complain of')
})
