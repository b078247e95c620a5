/** How a client finds a server, and what it says when it finds none. */
import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { connect, readKey } from '../../src/index.ts'
import { announced } from '../../src/node/runtime.ts'
import { client, keyFile, RUNTIME, startBare } from './servers.ts'

/** An address where somebody accepts connections and says nothing. */
async function startSilent(t: Test): Promise<string> {
  const server: Server = createServer((socket) => socket.on('error', () => {}).resume())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const address = server.address()
  return `circuit://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

const NOBODY = 'circuit://127.0.0.1:1'

t.test('with none at all it says what was tried', async (t) => {
  await t.rejects(connect(), {
    code: 'EHOSTDOWN',
    message:
      /^no server found within 3 s: tried servers of this user on this host.*there are none; start one/,
  })
})

t.test('what was given decides, and nothing else is tried', async (t) => {
  const server = await startBare(t, 'here')
  const file = join(RUNTIME, 'url')
  t.teardown(() => {
    delete process.env.CIRCUIT
  })
  t.equal((await client(t)).server, server.id, 'a server of this host')
  writeFileSync(file, `${server.url}\n`)
  process.env.CIRCUIT = file
  t.equal((await client(t)).server, server.id, 'the file that CIRCUIT names')
  writeFileSync(file, NOBODY)
  await t.rejects(connect(), { code: 'EHOSTDOWN', message: new RegExp(`${NOBODY} \\(from ${file}`) })
  t.equal((await client(t, { url: server.url })).server, server.id, 'a URL before CIRCUIT')
  process.env.CIRCUIT = join(RUNTIME, 'missing')
  await t.rejects(connect(), { code: 'EINVAL', message: /CIRCUIT names the file .*missing/ })
  writeFileSync(file, 'nonsense')
  process.env.CIRCUIT = file
  await t.rejects(connect(), { code: 'EINVAL', message: /not a circuit URL: "nonsense"/ })
})

t.test('a URL must be one, and its server the one that it names', async (t) => {
  const server = await startBare(t, 'there')
  await t.rejects(connect({ url: 'http://nonsense' }), { message: /not a circuit URL/ })
  const other = server.url.replace(/Q.*/, `Q${'0'.repeat(16)}`)
  await t.rejects(connect({ url: other }), {
    code: 'EHOSTDOWN',
    message: new RegExp(`${server.id}, not X0{16}`),
  })
})

t.test('the key of a server of this host is found with it, unless another is given', async (t) => {
  const file = keyFile()
  const server = await startBare(t, 'locked', ['-hmac', file])
  const found = await connect()
  t.equal(found.server, server.id)
  await found.close()
  await t.rejects(connect({ keys: [readKey(keyFile())] }), { message: /the key is not the one/ })
  rmSync(file)
  await t.rejects(connect(), { message: /the key is not the one/ }, 'nor is it kept elsewhere')
})

t.test('what is announced and gone is passed over, and forgotten', async (t) => {
  const killed = await startBare(t, 'killed')
  const living = await startBare(t, 'living')
  await killed.kill()
  t.equal(announced().length, 2)
  const file = join(RUNTIME, 'Xffffffffffffffff.url')
  const newest = `circuit://127.0.0.1:1/999999999/Q${'f'.repeat(16)}`
  writeFileSync(file, newest)
  t.teardown(() => rmSync(file, { force: true }))
  t.equal((await client(t)).server, living.id)
  t.notOk(announced().some(({ url }) => url === newest))
})

t.test('a silent server does not hold up the next', async (t) => {
  const living = await startBare(t, 'living')
  const file = join(RUNTIME, 'Xeeeeeeeeeeeeeeee.url')
  writeFileSync(file, await startSilent(t))
  t.teardown(() => rmSync(file, { force: true }))
  t.equal((await client(t)).server, living.id)
})

t.test('a silent one alone is an error in time, or can be given up', async (t) => {
  const url = await startSilent(t)
  const begin = Date.now()
  await t.rejects(connect({ url, keys: [] }), {
    code: 'ETIMEDOUT',
    message: /within 3 s: tried circuit:.*in time/,
  })
  t.ok(Date.now() - begin >= 2900)
  await t.rejects(connect({ url, timeout: 100 }), { code: 'ETIMEDOUT', message: /within 0.1 s/ })
  const reason = new Error('enough')
  await t.rejects(connect({ url, signal: AbortSignal.abort(reason) }), reason)
})

t.test('without the right key it says so', async (t) => {
  const [right, wrong] = [keyFile(), keyFile()]
  const server = await startBare(t, 'secret', ['-hmac', right])
  for (const keys of [[readKey(wrong)], undefined])
    await t.rejects(connect({ url: server.url, keys }), {
      code: 'EACCES',
      message: /the key is not the one of .*-hmac FILE/,
    })
  await t.rejects(connect({ url: server.url, keys: [] }), { message: /no server found/ })
  t.equal((await client(t, { url: server.url, keys: [readKey(right)] })).server, server.id)
  const open = await startBare(t, 'open', ['--insecure'])
  t.equal((await client(t, { url: open.url, keys: [] })).server, open.id)
})
