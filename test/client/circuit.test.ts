/** The client library: what it does when nothing goes wrong. */
import t from 'tap'
import { CircuitError, readKey } from '../../src/index.ts'
import { client, keyFile, startBareCircuit } from './servers.ts'

const key = keyFile()
const [a, b] = await startBareCircuit(t, ['a', 'b'], ['-hmac', key])
const circuit = await client(t, { url: a.url, keys: [readKey(key)] })
let anchors = 0
const fresh = async (where = b.id): Promise<string> => {
  const path = `/${where}/t${++anchors}`
  await circuit.make(path)
  return path
}

t.test('servers, and the ways to name them', async (t) => {
  t.equal(circuit.server, a.id)
  t.strictSame(
    (await circuit.servers()).sort((x, y) => x.name.localeCompare(y.name)),
    [a, b].map(({ id, name }) => ({ id, name, path: `/${id}` })),
  )
  t.equal(await circuit.resolve('/self/x/y'), `/${a.id}/x/y`)
  t.equal(await circuit.resolve('by-name//b/x/'), `/${b.id}/x`)
  t.equal(await circuit.resolve('/by-name'), '/by-name')
  t.match(await circuit.peek('/by-name/b'), { Name: 'b', Id: b.id })
  await t.rejects(circuit.peek('/by-name/c'), { code: 'ENOENT' })
})

t.test('anchors are made, listed, described and removed', async (t) => {
  const path = await fresh()
  t.strictSame(await circuit.make(path, { parents: true }), [])
  t.strictSame(await circuit.make(`${path}/x/y`, { parents: true }), [`${path}/x`, `${path}/x/y`])
  await circuit.command(`${path}/x`, 'mkchan 2')
  t.match(await circuit.stat(`${path}/x`), { kind: 'anchor', element: 'chan', children: 1 })
  const entries = await circuit.list(`${path}/x`)
  t.strictSame(
    entries.map(({ name }) => name),
    ['ctl', 'error', 'peek', 'help', 'send', 'recv', 'y'],
  )
  t.match(entries.at(-1), { path: `${path}/x/y`, type: 'anchor', element: undefined })
  t.match(entries[0], { path: `${path}/x/ctl`, type: 'file' })
  await t.rejects(circuit.remove(`${path}/x`), { code: 'ENOTEMPTY' })
  await circuit.remove(`${path}/x/y`)
  await t.rejects(circuit.remove(`${path}/x`), { code: 'EBUSY' })
  await circuit.command(`${path}/x`, 'scrub')
  await circuit.remove(`${path}/x`)
  await t.rejects(circuit.list(`${path}/x`), { code: 'ENOENT' })
})

t.test('errors say what, where and whose', async (t) => {
  const path = await fresh()
  await t.rejects(circuit.make(path), { code: 'EEXIST', path, server: b.id })
  await t.rejects(circuit.make(`${path}/peek`, { parents: true }), { code: 'ENOTDIR' })
  await t.rejects(circuit.make(`${path}/no/where`), { code: 'ENOENT' })
  await t.rejects(circuit.make('/X0123456789abcdef/x', { parents: true }), { code: 'ENOENT' })
  const error = await circuit.command(path, 'run /no/such/program').catch((error) => error)
  t.ok(error instanceof CircuitError)
  t.match(error, { code: 'ENOENT', path: `${path}/ctl`, server: b.id, message: /\/no\/such\/program/ })
  await t.rejects(circuit.open(`${path}/recv`, 'r'), { code: 'ENOENT', path: `${path}/recv` })
  await t.rejects(circuit.open(`${path}/peek`, 'w'), { code: 'EACCES' })
})

t.test('a process: its input, output, status and state', async (t) => {
  const path = await fresh()
  await circuit.command(path, 'mkproc', {
    fields: { Path: 'sh', Args: ['-c', 'tr a-z A-Z; echo so >&2; exit 3'] },
  })
  await circuit.writeText(`${path}/stdin`, 'hello\n')
  t.equal(await circuit.readText(`${path}/stdout`), 'HELLO\n')
  t.equal(await circuit.readText(`${path}/stderr`), 'so\n')
  t.equal(await circuit.readText(`${path}/wait`), '3\n')
  t.match(await circuit.peek(path), { Phase: 'exited', ExitCode: 3 })
  await circuit.remove(path)
})

t.test('messages: one open, one message; with a, one write', async (t) => {
  const path = await fresh()
  await circuit.command(path, 'mkchan 10')
  await circuit.writeText(`${path}/send`, 'one')
  await circuit.writeText(`${path}/send`, '')
  const sender = await circuit.open(`${path}/send`, 'a')
  await sender.write('two')
  await sender.write('three')
  await sender.close()
  const received: string[] = []
  for (let n = 0; n < 4; n++) received.push(await circuit.readText(`${path}/recv`))
  t.strictSame(received, ['one', '', 'two', 'three'])
})

t.test('a write longer than a frame is written whole', async (t) => {
  const path = await fresh()
  await circuit.command(path, 'run sha1sum')
  const bytes = Buffer.alloc(5_000_001, 'circuit')
  const file = await circuit.open(`${path}/stdin`, 'w')
  t.equal(await file.write(bytes), bytes.length)
  await file.close()
  const { createHash } = await import('node:crypto')
  t.equal(await circuit.readText(`${path}/stdout`), `${createHash('sha1').update(bytes).digest('hex')}  -\n`)
})

t.test('what is closed is closed, and what is not is abandoned with the circuit', async (t) => {
  const path = await fresh()
  await circuit.command(path, 'mkchan 4')
  const other = await client(t, { url: b.url, keys: [readKey(key)] })
  const half = await other.open(`${path}/send`, 'w')
  await half.write('half')
  const whole = await other.open(`${path}/send`, 'w')
  await whole.write('whole')
  await whole.close()
  await t.rejects(whole.write('more'), { code: 'EBADF' })
  await t.rejects(whole.read(), { code: 'EBADF' })
  const pending = half.read().catch((error) => error)
  await other.close()
  t.match(await pending, { code: /EBADF/ })
  await t.rejects(other.list('/'), { code: 'EBADF' })
  t.equal(await circuit.readText(`${path}/recv`), 'whole', 'the half one was withdrawn')
  t.match(await circuit.peek(path), { NumRecv: 1 })
})

t.test('one read and one write of a file at a time', async (t) => {
  const path = await fresh()
  await circuit.command(path, 'run cat')
  const file = await circuit.open(`${path}/stdout`, 'r')
  const first = file.read()
  await t.rejects(file.read(), { code: 'EBUSY' })
  await circuit.writeText(`${path}/stdin`, 'x')
  t.equal(String(await first), 'x')
  t.equal(String(await file.read()), '')
  await file.close()
})
