/** Connections: closed when nobody uses them, and never under a call; what may be open on them is bounded. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Connection, type Control, type Stream } from '../../../src/node/peer/connection.ts'
import type { CircuitError } from '../../../src/proto/errors.ts'
import { until } from '../../server.ts'

interface Side {
  readonly socket: Socket
  readonly connection: Connection
  /** Streams that the other side has opened, and what they began with. */
  readonly streams: { stream: Stream; first: Control }[]
  readonly closed: Promise<CircuitError>
}

async function pair(t: Test, idle: number, quiet = 2500): Promise<readonly [Side, Side]> {
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const near = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await once(listener, 'connection')) as [Socket]
  listener.close()
  const side = (socket: Socket, dialled: boolean): Side => {
    const streams: Side['streams'] = []
    let onClose: (error: CircuitError) => void = () => {}
    const closed = new Promise<CircuitError>((resolve) => {
      onClose = resolve
    })
    const onStream = (stream: Stream, first: Control): void => {
      stream.events = { onControl: () => {}, onBytes: () => {}, onLost: () => {} }
      streams.push({ stream, first })
    }
    const connection = new Connection(socket, { dialled, idle, quiet, onStream, onHello: () => {}, onClose })
    t.teardown(() => socket.destroy())
    return { socket, connection, streams, closed }
  }
  return [side(near, true), side(far, false)]
}

/** A call that is answered by `done`, or lost. */
const call = (connection: Connection): Promise<Control | CircuitError> =>
  new Promise((resolve) => {
    const stream = connection.open({
      onControl: (reply) => {
        stream.end()
        resolve(reply)
      },
      onBytes: () => {},
      onLost: resolve,
    })
    stream.send({ stat: { path: Buffer.from('/') } })
  })

t.test('one that nobody uses is closed, at both sides', async (t) => {
  const [near, far] = await pair(t, 20)
  t.match(await near.closed, { code: 'EHOSTDOWN' })
  t.match(await far.closed, { message: 'the connection was not used' })
})

t.test('one with a call is not, and the call is answered', async (t) => {
  const [near, far] = await pair(t, 20)
  const answer = call(near.connection)
  await new Promise((resolve) => setTimeout(resolve, 100))
  t.equal(near.connection.error, undefined)
  far.streams[0]?.stream.send({ done: {} })
  far.streams[0]?.stream.end()
  t.match(await answer, { done: {} })
  await far.closed
})

t.test('a call that crosses with the proposal to close it is answered', async (t) => {
  const [near, far] = await pair(t, 20)
  far.socket.pause()
  await until(() => near.connection.leaving)
  const answer = call(far.connection)
  far.socket.resume()
  await until(() => near.streams.length === 1)
  t.notOk(near.connection.leaving, 'it is in use again')
  near.streams[0]?.stream.send({ done: {} })
  near.streams[0]?.stream.end()
  t.match(await answer, { done: {} })
  t.match(await near.closed, { code: 'EHOSTDOWN' }, 'and then it is closed')
})

t.test('the calls that may be open are bounded, and more are told so', async (t) => {
  const [near, far] = await pair(t, 60_000)
  const answers: Promise<Control | CircuitError>[] = []
  for (let n = 0; n < (1 << 16) + 5; n++) answers.push(call(near.connection))
  for (const answer of answers.slice(-5)) t.match(await answer, { failure: { code: 'EMFILE' } })
  t.equal(far.streams.length, 1 << 16)
})

t.test('bytes that are kept for a connection are bounded', async (t) => {
  const [near] = await pair(t, 60_000)
  const { connection } = near
  t.ok(connection.reserve(200 << 20))
  t.notOk(connection.reserve(100 << 20))
  t.ok(connection.reserve(-(150 << 20)))
  t.ok(connection.reserve(100 << 20))
})

t.test('a silent call is not taken for a lost one, however late the timers are', async (t) => {
  const [near, far] = await pair(t, 60_000, 20)
  let lost: CircuitError | undefined
  near.connection.open({ onControl: () => {}, onBytes: () => {}, onLost: (error) => (lost = error) }).send({})
  await until(() => far.streams.length === 1)
  for (const end = Date.now() + 600; Date.now() < end && !lost; ) {
    // This process has no time for a while, and nor have both sides.
    for (const busy = Date.now() + Math.random() * 60; Date.now() < busy; ) {}
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 40))
  }
  t.equal(lost, undefined)
})

t.test('a call on one that answers no more is lost', async (t) => {
  const [near, far] = await pair(t, 60_000, 20)
  const answer = call(near.connection)
  await until(() => far.streams.length === 1)
  far.socket.pause()
  t.match(await answer, { code: 'EHOSTDOWN' })
})
