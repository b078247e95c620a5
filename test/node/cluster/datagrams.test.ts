/** Membership's datagrams through real sockets, on loopback. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { Datagrams } from '../../../src/node/cluster/datagrams.ts'
import type { Packet } from '../../../src/node/cluster/messages.ts'
import { formatMetrics } from '../../../src/node/metrics.ts'
import { generateKey, parseKey } from '../../../src/node/peer/key.ts'
import { until } from '../../server.ts'

const HOST = '127.0.0.1'
const A = 'Xaaaaaaaaaaaaaaaa'
const B = 'Xbbbbbbbbbbbbbbbb'
const keys = [parseKey(generateKey())]
const packet: Packet = { message: { kind: 'ping', seq: 7 }, digest: 1, rumors: [] }

/** A port that nobody has. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function open(
  t: Tap,
  id: string,
  withKeys = keys,
): Promise<{ datagrams: Datagrams; address: string; heard: string[] }> {
  const heard: string[] = []
  const datagrams = new Datagrams({
    id,
    keys: withKeys,
    onPacket: (from, { message }) => heard.push(`${from} ${message.kind}`),
  })
  const port = await freePort()
  await datagrams.bind(HOST, port)
  t.teardown(() => datagrams.close())
  return { datagrams, address: `${HOST}:${port}`, heard }
}
type Tap = Pick<typeof t, 'teardown'>

t.test('two servers hear each other', async (t) => {
  const [a, b] = [await open(t, A), await open(t, B)]
  a.datagrams.send({ id: B, address: b.address }, packet)
  await until(() => b.heard.length > 0)
  t.same(b.heard, [`${A} ping`])
  b.datagrams.send({ id: A, address: a.address }, packet)
  await until(() => a.heard.length > 0)
})

t.test('what is not for it, not with its key, or nothing at all, is dropped and counted', async (t) => {
  const b = await open(t, B)
  const stranger = await open(t, A, [parseKey(generateKey())])
  const a = await open(t, A)
  const raw = createSocket('udp4')
  t.teardown(() => raw.close())
  const port = Number(b.address.split(':')[1])
  raw.send('hello?', port, HOST)
  raw.send(Buffer.alloc(60_000), port, HOST)
  raw.send('', port, HOST)
  stranger.datagrams.send({ id: B, address: b.address }, packet)
  a.datagrams.send({ id: A, address: b.address }, packet)
  a.datagrams.send({ id: B, address: b.address }, packet)
  await until(() => b.heard.length > 0)
  const metrics = formatMetrics(b.datagrams.metrics())
  t.match(metrics, /dropped_total\{reason="garbage"\} 2\n/)
  t.match(metrics, /dropped_total\{reason="key"\} 1\n/)
  t.match(metrics, /dropped_total\{reason="recipient"\} 1\n/)
  t.match(metrics, /received_total 5\n/)
  t.same(b.heard, [`${A} ping`])
})

t.test('a closed port refuses a knock, an open one does not', async (t) => {
  const [a, b] = [await open(t, A), await open(t, B)]
  let refused = 0
  const cancel = a.datagrams.knock({ id: B, address: b.address }, () => t.fail('somebody is there'))
  a.datagrams.knock({ id: B, address: `${HOST}:${await freePort()}` }, () => {
    refused++
  })
  await until(() => refused === 1)
  cancel()
  b.datagrams.send({ id: A, address: a.address }, packet)
  await until(() => a.heard.length > 0)
  t.same(b.heard, [], 'a knock says nothing')
})

t.test('a port that is taken is told', async (t) => {
  const a = await open(t, A)
  const other = new Datagrams({ id: B, keys, onPacket: () => {} })
  await t.rejects(other.bind(HOST, Number(a.address.split(':')[1])), { code: 'EADDRINUSE' })
})
