/** An output of a container: its connection is read as it is wanted, and its end is told by others. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AttachedOutput } from '../../../../src/node/element/container/attached-output.ts'
import { CircuitError } from '../../../../src/proto/errors.ts'
import { until } from '../../../server.ts'

let pairs = 0

/** A connection: the engine's end, and an output on the other. */
async function attached(t: Test): Promise<{ engine: Socket; output: AttachedOutput; pauses: () => number }> {
  const path = join(process.env.TMPDIR ?? tmpdir(), `attached-${process.pid}-${++pairs}`)
  const server = createServer().listen(path)
  await once(server, 'listening')
  const ours = connect(path)
  const [engine] = await once(server, 'connection')
  server.close()
  // Otherwise it would not see its end.
  engine.resume()
  engine.on('error', () => {})
  let paused = 0
  const output = new AttachedOutput({ framed: false, paused: () => paused++ })
  output.connect(ours)
  t.teardown(() => {
    engine.destroy()
    ours.destroy()
  })
  return { engine, output, pauses: () => paused }
}

const MIB = 1 << 20

/** Reads all that there is, waiting for it, to the end. */
async function readAll(output: AttachedOutput): Promise<number> {
  const buffer = Buffer.alloc(MIB)
  for (let total = 0; ; ) {
    const bytes = output.read(MIB, buffer)
    if (bytes?.length === 0) return total
    total += bytes?.length ?? 0
    if (bytes === undefined) await new Promise<void>((resolve) => output.await(resolve))
  }
}

t.test('unread, it holds little, and reads on when it is read', async (t) => {
  const { engine, output, pauses } = await attached(t)
  let flushed = false
  engine.end(Buffer.alloc(8 * MIB), () => {
    flushed = true
  })
  await until(() => output.paused)
  t.notOk(flushed, 'the sender has to wait')
  t.equal(pauses(), 1)
  output.end()
  t.equal(await readAll(output), 8 * MIB)
})

t.test('relieved, it takes what an engine holds, and no more', async (t) => {
  const { engine, output } = await attached(t)
  engine.write(Buffer.alloc(16 * MIB))
  await until(() => output.paused)
  output.relieve()
  await until(() => output.paused)
  engine.destroy()
  output.end()
  const held = await readAll(output)
  t.ok(held >= 3 * MIB && held < 8 * MIB, `${held} bytes`)
})

t.test('the end of the connection is no end: somebody says what it was', async (t) => {
  for (const end of ['end', 'fail'] as const) {
    const { engine, output } = await attached(t)
    const closed = once(engine, 'close')
    engine.end('last words')
    await until(() => output.readable)
    t.equal(String(output.read(99)), 'last words')
    await closed
    t.equal(output.read(99), undefined, 'not known yet')
    if (end === 'end') output.end()
    else output.fail(new CircuitError('EHOSTDOWN', 'the engine is lost'))
    if (end === 'end') await until(() => output.readable)
    if (end === 'end') t.equal(output.read(99)?.length, 0)
    else t.throws(() => output.read(99), { code: 'EHOSTDOWN' })
  }
})

t.test('what was read and not taken is there again, before what follows', async (t) => {
  const { engine, output } = await attached(t)
  engine.write('one two')
  await until(() => output.readable)
  const first = output.read(4) ?? Buffer.alloc(0)
  t.equal(String(first), 'one ')
  output.unread(first)
  t.equal(String(output.read(99, Buffer.alloc(99))), 'one two')
})

t.test('dropped, it lets go of the connection', async (t) => {
  const { engine, output } = await attached(t)
  engine.write('x')
  const closed = new Promise((resolve) => engine.on('close', resolve))
  output.drop()
  await closed
  t.equal(output.read(9)?.length, 0)
})
