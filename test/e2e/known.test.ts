/** -var: a server that starts again finds its circuit without being told. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { noMount, startServer, type TestServer, until } from '../server.ts'

function directory(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'circuit-var-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

const names = async ({ sh }: TestServer): Promise<string> =>
  (await sh('ls $M/by-name')).stdout.trim().replaceAll('\n', ' ')

/** HOST:PORT */
const addressOf = ({ url }: TestServer): string => url.split('/')[2] ?? ''

const skip = noMount

t.test('a killed server is back in its circuit, through whoever is left', { skip }, async (t) => {
  const kept = directory(t)
  const first = await startServer(t, { args: ['--name', 'first'] })
  const second = await startServer(t, { args: ['--name', 'second', '-j', first.url] })
  const third = await startServer(t, { args: ['--name', 'third', '-j', first.url, '-var', kept] })
  await until(async () => (await names(third)) === 'first second third')
  await third.kill()
  await first.stop()
  await until(async () => (await names(second)) === 'second', 20_000)
  const again = await startServer(t, { args: ['--name', 'third', '-var', kept] })
  await until(async () => (await names(again)) === 'second third', 20_000)
  const expected = `${addressOf(first)}\n${addressOf(second)}\n`
  await until(() => readFileSync(join(kept, 'servers'), 'utf8') === expected)
})

t.test('servers that all were killed find each other, whichever starts first', { skip }, async (t) => {
  const kept = [directory(t), directory(t)] as const
  const first = await startServer(t, { args: ['--name', 'first', '-var', kept[0]] })
  const second = await startServer(t, { args: ['--name', 'second', '-var', kept[1], '-j', first.url] })
  await until(async () => (await names(first)) === 'first second')
  await Promise.all([first.kill(), second.kill()])
  const [early, late] = [
    await startServer(t, { args: ['--name', 'second', '-a', addressOf(second), '-var', kept[1]] }),
    await startServer(t, { args: ['--name', 'first', '-a', addressOf(first), '-var', kept[0]] }),
  ]
  for (const server of [early, late])
    await until(async () => (await names(server)) === 'first second', 20_000)
  t.match(early.log(), /none of the 1 servers in .*servers answers/)
})

t.test('who stopped in order is forgotten, and what is no address does no harm', { skip }, async (t) => {
  const kept = directory(t)
  writeFileSync(
    join(kept, 'servers'),
    `nonsense\n\u{1f600}\n127.0.0.1:999999\n127.0.0.1:1\n${'x'.repeat(9999)}\n`,
  )
  const server = await startServer(t, { args: ['--name', 'one', '-var', kept] })
  const other = await startServer(t, { args: ['--name', 'other', '-j', server.url] })
  await until(async () => (await names(server)) === 'one other')
  t.equal(readFileSync(join(kept, 'servers'), 'utf8'), `127.0.0.1:1\n${addressOf(other)}\n`)
  await other.stop()
  await until(() => readFileSync(join(kept, 'servers'), 'utf8') === '127.0.0.1:1\n')
  t.pass('it is')
})

t.test('a directory that can not be used is told', { skip }, async (t) => {
  await t.rejects(startServer(t, { args: ['-var', '/dev/null/x'] }), { message: /ENOTDIR/ })
})
