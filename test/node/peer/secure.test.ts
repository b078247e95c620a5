/** The door: who proves the key comes in, nobody else, and nobody can hold it up. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { generateKey, parseKey } from '../../../src/node/peer/key.ts'
import { dialSocket, listenSocket } from '../../../src/node/peer/secure.ts'
import { until } from '../../server.ts'

const key = parseKey(generateKey())
const other = parseKey(generateKey())

async function listen(t: Test, keys: Parameters<typeof listenSocket>[0], most?: number) {
  const accepted: Socket[] = []
  const refused: string[] = []
  const server = listenSocket(
    keys,
    (socket) => {
      accepted.push(socket)
      socket.on('error', () => {}).resume()
    },
    (why) => refused.push(why),
    most,
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of accepted) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, accepted, refused }
}

t.test('the same key gets in, with TLS 1.3', async (t) => {
  const { port, accepted } = await listen(t, [key])
  const socket = await dialSocket('127.0.0.1', port, [key])
  t.teardown(() => socket.destroy())
  t.equal((socket as import('node:tls').TLSSocket).getProtocol(), 'TLSv1.3')
  await until(() => accepted.length === 1)
  t.equal(accepted.length, 1)
})

t.test('beyond a number of connections nobody gets in until one ends', async (t) => {
  for (const keys of [[], [key]]) {
    const { port, accepted, refused } = await listen(t, keys, 2)
    const [first, second] = [
      await dialSocket('127.0.0.1', port, keys),
      await dialSocket('127.0.0.1', port, keys),
    ]
    t.teardown(() => second.destroy())
    const third = connect(port, '127.0.0.1').on('error', () => {})
    await new Promise((resolve) => third.on('close', resolve))
    t.match(refused, [/127.0.0.1: 2 connections are open already/])
    first.destroy()
    await until(() => accepted.some((socket) => socket.destroyed))
    const fourth = await dialSocket('127.0.0.1', port, keys)
    t.teardown(() => fourth.destroy())
    await until(() => accepted.length === 3)
  }
})

t.test('during a rotation each of the keys gets in', async (t) => {
  const { port } = await listen(t, [key, other])
  for (const one of [key, other]) (await dialSocket('127.0.0.1', port, [one])).destroy()
  t.pass('both')
})

t.test('another key, no key, and no TLS at all are refused', async (t) => {
  const { port, accepted, refused } = await listen(t, [key])
  await t.rejects(dialSocket('127.0.0.1', port, [other]), { code: 'EACCES' })
  const plain = await dialSocket('127.0.0.1', port, [])
  plain.on('error', () => {}).write('\xff\xff\xff\xff\xff\x7f')
  await new Promise((resolve) => plain.on('close', resolve))
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const tls = connectTls({ port, host: '127.0.0.1', maxVersion, rejectUnauthorized: false })
    await new Promise((resolve) => tls.on('error', resolve))
  }
  t.equal(accepted.length, 0)
  t.ok(refused.length >= 3, refused.join('; '))
})

t.test('a server with a certificate and without the key is not believed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-cert-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = (name: string): string => join(directory, name)
  const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout ${file('key')} -out ${file('cert')}`
  execFileSync('openssl', words.split(' '), { stdio: 'ignore' })
  const server = createTlsServer({ key: readFileSync(file('key')), cert: readFileSync(file('cert')) })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  await t.rejects(dialSocket('127.0.0.1', (server.address() as AddressInfo).port, [key]), { code: 'EACCES' })
})

t.test('silent connections hold up nobody', async (t) => {
  const { port } = await listen(t, [key])
  const silent = Array.from({ length: 200 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  t.teardown(() => {
    for (const socket of silent) socket.destroy()
  })
  ;(await dialSocket('127.0.0.1', port, [key])).destroy()
  t.pass('got in')
})

t.test('a key is 32 bytes, and derives an id that does not tell it', async (t) => {
  t.throws(() => parseKey('c2hvcnQ='), /32 bytes in base64/)
  t.throws(() => parseKey('not base64 at all, and long enough to be taken for it!'), /32 bytes in base64/)
  const text = generateKey()
  t.equal(parseKey(text).id, parseKey(`${text}\n`).id)
  t.equal(parseKey(text).secret.length, 32)
  t.not(parseKey(text).secret.toString('base64'), text)
})
