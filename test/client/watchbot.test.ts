/** examples/watchbot.ts, as a user of the package has it: checked against the published types, and run on two hosts. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Host, network } from '../network.ts'
import { noMount, runShell, until } from '../server.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const STRICT =
  '--strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --module nodenext --target es2022 --types node'

/** The directory of a user who has installed the package. */
const project = mkdtempSync(join(tmpdir(), 'circuit-project-'))
t.teardown(() => rmSync(project, { recursive: true }))
mkdirSync(join(project, 'node_modules'))
symlinkSync(ROOT, join(project, 'node_modules/circuitfs'))
symlinkSync(join(ROOT, 'node_modules/@types'), join(project, 'node_modules/@types'))
writeFileSync(join(project, 'package.json'), '{"type":"module"}')
copyFileSync(join(ROOT, 'examples/watchbot.ts'), join(project, 'watchbot.ts'))

const env = { P: project, TSC: join(ROOT, 'node_modules/.bin/tsc'), NODE: process.execPath }

t.test('it has the types of what is published, which have no errors of their own', async (t) => {
  const right = await runShell(`cd "$P"; "$TSC" ${STRICT} watchbot.ts`, { env })
  t.strictSame(right, { status: 0, stdout: '', stderr: '' })
  const wrong = await runShell(
    `cd "$P"; sed 's/circuit.remove(path)/circuit.remove(42)/' watchbot.ts > wrong.ts; "$TSC" ${STRICT} --noEmit wrong.ts`,
    { env },
  )
  t.match(wrong, { stdout: /wrong\.ts.*TS2345/ }, 'and what is wrong is told')
})

t.test('the payload comes back, whatever ends it', { skip: noMount }, async (t) => {
  const { hosts, keyFile = '', settled } = await network(t, 2, { servers: false })
  const [first, second] = hosts as [Host, Host]
  const CIRCUIT_HMAC = keyFile
  await first.start({ env: { CIRCUIT_HMAC } })
  await second.start({ env: { CIRCUIT_HMAC }, args: ['-j', first.url] })
  await settled()
  const find = async (name: string): Promise<string> =>
    (await first.run(`grep -l running $M/X*/${name}/peek`)).stdout.trim().replace(/\/peek$/, '')
  /** Awaits a generation, and gives the anchor of its payload. */
  const meet = async (generation: number): Promise<string> => {
    await until(async () => (await find(`bot-payload-${generation}`)) !== '', 20_000)
    return find(`bot-payload-${generation}`)
  }
  const begun = await first.run('exec "$NODE" "$P/watchbot.js" bot', {
    env: { ...env, CIRCUIT_HMAC, CIRCUIT: first.url },
  })
  t.match(begun, { status: 0, stdout: /^\/X[0-9a-f]{16}\/bot-nucleus-1\n$/, stderr: '' })
  for (const generation of [1, 2])
    await first.run('echo KILL > "$A/signal"', { env: { A: await meet(generation) } })
  const payload = await meet(3)
  const nucleus = await find('bot-nucleus-3')
  await until(async () => (await first.run('ls -d $M/X*/*/')).stdout.split('\n').length === 3)
  const end = 'for A; do echo KILL > "$A/signal"; cat "$A/wait"; rmdir "$A"; done'
  t.match(
    await first.run(`set -- "$NUCLEUS" "$PAYLOAD"; ${end}`, { env: { NUCLEUS: nucleus, PAYLOAD: payload } }),
    {
      stdout: '137\n137\n',
      stderr: '',
    },
  )
  t.match(await first.run('ls -d $M/X*/*/'), { stdout: '' }, 'nothing else is left of it')
})
