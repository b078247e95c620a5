/** The doors of a nameserver: UDP and TCP on one port, clients that crawl, pile up or do not listen. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { listen, type Respond, type Transport } from '../../../../src/node/element/nameserver/transport.ts'
import { type Address, formatAddress } from '../../../../src/proto/address.ts'
import { until } from '../../../server.ts'

const LOOPBACK: Address = { host: '127.0.0.1', port: 0 }
/** What comes is given back, with a mark of how it came. */
const echo: Respond = (query, over) => Buffer.concat([Buffer.from(`${over} `), query])

async function open(t: Test, address = LOOPBACK, respond = echo): Promise<Transport> {
  const transport = await listen(address, respond)
  t.teardown(() => transport.close())
  return transport
}

async function askUdp({ host, port }: Address, query: string): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.send(query, port, host)
  const [answer] = (await once(socket, 'message')) as [Buffer]
  socket.close()
  return answer.toString()
}

async function connected(t: Test, { host, port }: Address, allowHalfOpen = true): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen, noDelay: true })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

const frame = (text: string): Buffer =>
  Buffer.concat([Buffer.of(text.length >> 8, text.length & 255), Buffer.from(text)])

/** The messages that come until the other side ends. */
async function messages(socket: Socket): Promise<string[]> {
  const bytes = Buffer.concat(await socket.toArray())
  const found: string[] = []
  for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at))
    found.push(bytes.toString('latin1', at + 2, at + 2 + bytes.readUInt16BE(at)))
  return found
}

t.test('UDP and TCP on one free port', async (t) => {
  const { address } = await open(t)
  t.match(formatAddress(address), /^127\.0\.0\.1:\d+$/)
  t.equal(await askUdp(address, 'a'), 'udp a')
  const socket = await connected(t, address)
  socket.end(frame('b'))
  t.strictSame(await messages(socket), ['tcp b'])
})

t.test('IPv6', async (t) => {
  const { address } = await open(t, { host: '::1', port: 0 })
  t.match(formatAddress(address), /^\[::1\]:\d+$/)
  t.equal(await askUdp(address, 'a'), 'udp a')
})

t.test('an address that is not to be had', async (t) => {
  const { address } = await open(t)
  await t.rejects(listen(address, echo), {
    code: 'EADDRINUSE',
    message: /can't serve DNS on 127\.0\.0\.1:\d+ \(UDP\)/,
  })
  await t.rejects(listen({ host: '192.0.2.1', port: 0 }, echo), {
    code: 'EADDRNOTAVAIL',
    message: /192\.0\.2\.1/,
  })
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  await t.rejects(listen({ ...LOOPBACK, port }, echo), { code: 'EADDRINUSE' })
  const udp = createSocket('udp4').bind(port, '127.0.0.1')
  await once(udp, 'listening')
  t.pass('what it had of it already is free again')
  await t.rejects(listen({ ...LOOPBACK, port }, echo), { code: 'EADDRINUSE', message: /\(UDP\)/ })
  udp.close()
})

t.test('closed, its address is free at once, and its connections end', async (t) => {
  const transport = await listen(LOOPBACK, echo)
  const socket = await connected(t, transport.address, false)
  socket.write(frame('a'))
  await once(socket, 'data')
  transport.close()
  await once(socket, 'close')
  await open(t, transport.address)
})

t.test('over TCP messages come in any pieces, and are answered in their order', async (t) => {
  const { address } = await open(t)
  const socket = await connected(t, address)
  const asked = Array.from({ length: 50 }, (_, n) => `question ${n}`)
  const bytes = Buffer.concat(asked.map(frame))
  for (let at = 0; at < bytes.length; at += 7) {
    socket.write(bytes.subarray(at, at + 7))
    if (at % 70 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end()
  t.strictSame(
    await messages(socket),
    asked.map((text) => `tcp ${text}`),
  )
})

t.test('what has no answer closes the connection, and over UDP is silence', async (t) => {
  const { address } = await open(t, LOOPBACK, (query) => (query.length === 0 ? undefined : query))
  const socket = await connected(t, address, false)
  socket.write(frame(''))
  await once(socket, 'close')
  const udp = createSocket('udp4')
  t.teardown(() => udp.close())
  udp.send('', address.port, address.host)
  udp.send('after', address.port, address.host)
  const [answer] = (await once(udp, 'message')) as [Buffer]
  t.equal(answer.toString(), 'after')
})

t.test('who does not read its answers gets no more of them', async (t) => {
  let answered = 0
  const { address } = await open(t, LOOPBACK, () => {
    answered++
    return Buffer.alloc(60_000)
  })
  const socket = await connected(t, address)
  socket.pause()
  const questions = 2000
  socket.write(Buffer.concat(Array.from({ length: questions }, (_, n) => frame(`${n}`))))
  let before = -1
  await until(async () => {
    const still = answered > 0 && answered === before
    before = answered
    await askUdp(address, 'still there')
    answered--
    return still
  })
  t.ok(answered < 200, `${answered} answers, of 60 KB each, wait for it`)
  let read = 0
  socket.on('data', (bytes) => {
    read += bytes.length
  })
  socket.resume()
  await until(() => read === questions * 60_002, 20_000)
  t.equal(answered, questions, 'who reads them gets them all')
})

t.test('of very many connections the oldest go', async (t) => {
  const { address } = await open(t)
  const first = await connected(t, address, false)
  const closed = once(first, 'close')
  for (let n = 0; n < 256; n++) await connected(t, address)
  await closed
  const last = await connected(t, address)
  last.end(frame('a'))
  t.strictSame(await messages(last), ['tcp a'])
})
