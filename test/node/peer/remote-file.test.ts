/** Files over a connection: both ends in one process, on a real socket, with real pipes behind them. */
import { once } from 'node:events'
import { closeSync, writeSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { BlockingCall } from '../../../src/node/blocking.ts'
import { LogOutput, PipeOutput } from '../../../src/node/element/job/output.ts'
import { PipeSource } from '../../../src/node/element/process/pipe-source.ts'
import { type Handle, TextHandle } from '../../../src/node/handle.ts'
import type { Namespace } from '../../../src/node/namespace.ts'
import { MAX_AHEAD_BYTES } from '../../../src/node/peer/ahead.ts'
import { Connection } from '../../../src/node/peer/connection.ts'
import { RemoteTree } from '../../../src/node/peer/remote.ts'
import { Service } from '../../../src/node/peer/service.ts'
import { CircuitError } from '../../../src/proto/errors.ts'
import { until } from '../../server.ts'
import { openFifo } from '../element/process/fifo.ts'

const READ = { read: true, write: false, append: false, truncate: false }
const WHO = { uid: 0, gid: 0, pid: 1 }
const FAR = 1 << 20

/** Opens a file of this process over a socket. */
async function wire(t: Test, open: () => Handle) {
  const unused = (): never => {
    throw new CircuitError('ENOSYS')
  }
  const namespace: Namespace = { stat: unused, list: unused, make: unused, remove: unused, open }
  const service = new Service(namespace, 'near')
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const near = connect((listener.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await once(listener, 'connection')) as [Socket]
  listener.close()
  const options = { onHello: () => {}, onClose: () => {}, onStream: () => {} }
  const client = new Connection(near, { ...options, dialled: true })
  const server = new Connection(far, {
    ...options,
    dialled: false,
    onStream: (stream, first) => service.serve(stream, first),
  })
  t.teardown(() => client.close(new CircuitError('EHOSTDOWN')))
  const tree = new RemoteTree(async () => client)
  return { client, server, open: (): Promise<Handle> => tree.open('/X/a', 'stdout', READ, WHO) }
}

/** Blocks in a read as a process does. */
const read = (handle: Handle, max: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const step = () => {
      const bytes = handle.read(max, true)
      if (bytes === undefined) return 'wait'
      resolve(Buffer.from(bytes).toString('latin1'))
      return 'done'
    }
    new BlockingCall(handle, 'read', { step, waits: true, fail: reject })
  })

async function readAll(handle: Handle, max: number): Promise<string> {
  const pieces: string[] = []
  for (;;) {
    const piece = await read(handle, max)
    if (piece === '') return pieces.join('')
    pieces.push(piece)
  }
}

/** A pipe as a process's output, and its other end. */
function pipe(t: Test) {
  const { reader, writer } = openFifo()
  const output = new PipeOutput(new PipeSource(reader))
  let open = true
  const end = (): void => {
    if (open) closeSync(writer)
    open = false
  }
  t.teardown(() => {
    output.discard()
    end()
  })
  return { output, write: (text: string): number => writeSync(writer, text), end }
}

const numbers = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => String(from + n).padStart(7, '0')).join('')

t.test('a short text is all in the answer to its open', async (t) => {
  let closed = false
  class Text extends TextHandle {
    override close(): void {
      closed = true
    }
  }
  const { open, client } = await wire(t, () => new Text('hello'))
  const handle = await open()
  t.ok(closed, 'it is closed there already')
  t.equal(client.calls, 0, 'no call is left open')
  t.equal(await readAll(handle, 2), 'hello')
  handle.close()
})

t.test('a long text comes in pieces', async (t) => {
  const text = numbers(0, 200_000)
  const { open } = await wire(t, () => new TextHandle(text))
  const handle = await open()
  t.equal(await readAll(handle, 100_000), text)
  handle.close()
})

t.test('what was sent ahead and not read returns with the close', async (t) => {
  const { output, write, end } = pipe(t)
  const { open, client, server } = await wire(t, () => output.open())
  const handle = await open()
  const text = numbers(0, 8000)
  write(text)
  let got = ''
  for (const size of [1, 10, 100, 1000, 5000, 3000]) got += await read(handle, size)
  await until(() => (handle as Handle & { streaming: boolean }).streaming)
  handle.close()
  await until(() => client.calls === 0 && server.calls === 0)
  end()
  t.equal(got + (await readAll(output.open(), 9999)), text)
})

t.test('and with the loss of the connection', async (t) => {
  const { output, write, end } = pipe(t)
  const { open, client, server } = await wire(t, () => output.open())
  const handle = await open()
  const text = numbers(0, 8000)
  write(text)
  const got = (await read(handle, 3500)) + (await read(handle, 3500))
  await until(() => handle.streaming)
  client.close(new CircuitError('EHOSTDOWN', 'cut'))
  await t.rejects(read(handle, 10), { code: 'EHOSTDOWN' }, 'what came before is not given to two')
  await until(() => server.calls === 0)
  end()
  const rest = await readAll(output.open(), 9999)
  t.ok(text.endsWith(rest) && got.length + rest.length >= text.length, 'nothing is lost')
})

t.test('a reader that stops gets no more than its share ahead', async (t) => {
  const { output, write, end } = pipe(t)
  const { open } = await wire(t, () => output.open())
  const handle = await open()
  write(numbers(0, 8000))
  t.equal((await read(handle, 700)).length, 700)
  t.equal((await read(handle, 350)).length, 350)
  await until(() => handle.streaming)
  const others = output.open()
  t.equal((await read(others, FAR)).length, 56_000 - 2100, 'the rest is for another')
  end()
  t.equal((await readAll(handle, FAR)).length, 1050)
})

t.test('two readers of a pipe: nothing is sent ahead, all is read once', async (t) => {
  const { output, write, end } = pipe(t)
  const { open } = await wire(t, () => output.open())
  const [one, two] = [await open(), await open()]
  write(numbers(0, 8000))
  end()
  const seen: string[] = []
  for (let turn = 0; seen.at(-1) !== ''; turn++) seen.push(await read(turn % 2 ? one : two, 700))
  t.equal(seen.join(''), numbers(0, 8000))
})

t.test('what a killed reader never saw is there for the next', async (t) => {
  const { output, write, end } = pipe(t)
  const { open, client, server } = await wire(t, () => output.open())
  const handle = await open()
  write(numbers(0, 100))
  t.equal(await read(handle, 70), numbers(0, 10))
  t.equal(await read(handle, 70), numbers(10, 20))
  handle.abandon(true)
  handle.close()
  await until(() => client.calls === 0 && server.calls === 0)
  const next = await open()
  t.equal(await read(next, 70), numbers(10, 20))
  next.abandon(false)
  next.close()
  await until(() => client.calls === 0 && server.calls === 0)
  end()
  t.equal(await readAll(output.open(), FAR), numbers(20, 100))
})

t.test('a read that is interrupted takes nothing', async (t) => {
  const { output, write } = pipe(t)
  const { open } = await wire(t, () => output.open())
  const handle = await open()
  write('0123456789')
  t.equal(await read(handle, FAR), '0123456789')
  const step = () => (handle.read(FAR, true) === undefined ? 'wait' : 'done')
  const code = await new Promise((resolve) => {
    const call = new BlockingCall(handle, 'read', {
      step,
      waits: true,
      fail: (error) => resolve((error as CircuitError).code),
    })
    call.interrupt()
  })
  t.equal(code, 'EINTR')
  write('abc')
  t.equal(await read(handle, FAR), 'abc')
})

t.test('an error comes in its place, after what was sent ahead', async (t) => {
  const { reader, writer } = openFifo()
  const output = new LogOutput(new PipeSource(reader), 1 << 20)
  const { open } = await wire(t, () => output.open())
  const handle = await open()
  writeSync(writer, numbers(0, 1000))
  t.equal(await read(handle, 700), numbers(0, 100))
  t.equal(await read(handle, 350), numbers(100, 150))
  await until(() => handle.streaming)
  output.scrub()
  let got = ''
  await t.rejects(
    (async () => {
      for (;;) got += await read(handle, 700)
    })(),
    { code: 'ECANCELED' },
  )
  t.ok(numbers(150, 1000).startsWith(got))
  closeSync(writer)
})

t.test('what is on its way is bounded, and all of it comes', async (t) => {
  const { output, write, end } = pipe(t)
  const { open } = await wire(t, () => output.open())
  const handle = await open()
  const piece = numbers(0, 8000)
  let written = 0
  let got = 0
  while (got < 64 * piece.length) {
    if (written < 64 * piece.length)
      try {
        written += write(piece)
      } catch (error) {
        t.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
      }
    if (written === 64 * piece.length) end()
    got += (await read(handle, 128 * 1024)).length
  }
  t.equal(got, written)
  t.ok(MAX_AHEAD_BYTES <= 1 << 20)
})
