/** A process's standard input, on a real pipe. */
import { closeSync } from 'node:fs'
import t from 'tap'
import { Input } from '../../../../src/node/element/job/input.ts'
import { PipeSink } from '../../../../src/node/element/process/pipe-sink.ts'
import type { Handle } from '../../../../src/node/handle.ts'
import { random } from '../../../random.ts'
import { openFifo, readNow } from '../process/fifo.ts'

const WHOLE = { read: false, write: true, append: false, truncate: true }
const TOUCHED = { ...WHOLE, truncate: false }
const PART = { ...WHOLE, append: true, truncate: false }
const HOW = { first: true, waits: true }

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
const ready = (handle: Handle) => new Promise<void>((resolve) => handle.wait('write', resolve))
const write = (handle: Handle, bytes: Uint8Array | string) => handle.write(Buffer.from(bytes), HOW)

function open() {
  const { reader, writer } = openFifo()
  return { reader, input: new Input(new PipeSink(writer)) }
}

/** Reads to the end. */
async function drain(reader: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (;;) {
    const piece = readNow(reader, 5000)
    if (piece === undefined) return Buffer.concat(pieces)
    pieces.push(piece)
    if (piece.length === 0) await nextTurn()
  }
}

t.test('what is written is there at once', async (t) => {
  const { reader, input } = open()
  const handle = input.open(PART)
  t.equal(write(handle, 'hello'), 5)
  t.equal(readNow(reader)?.toString(), 'hello')
  handle.close()
  t.equal(readNow(reader)?.length, 0, 'a part leaves it open')
  input.close()
  t.equal(readNow(reader), undefined)
  closeSync(reader)
})

t.test('the last close of the whole ends it', async (t) => {
  const { reader, input } = open()
  const [first, second, part, touched] = [WHOLE, WHOLE, PART, TOUCHED].map((mode) => input.open(mode))
  touched?.close()
  first?.close()
  part?.close()
  t.equal(readNow(reader)?.length, 0)
  second?.close()
  t.equal(readNow(reader), undefined)
  t.throws(() => write(input.open(PART), 'x'), { code: 'EPIPE' })
  closeSync(reader)
})

t.test('one that writes without truncating is the whole, too', async (t) => {
  const { reader, input } = open()
  const handle = input.open(TOUCHED)
  write(handle, 'x')
  handle.close()
  t.equal(readNow(reader)?.toString(), 'x')
  t.equal(readNow(reader), undefined)
  closeSync(reader)
})

t.test(
  'it blocks when the pipe is full, and goes on when there is room; nothing is lost at the end',
  async (t) => {
    const { reader, input } = open()
    const handle = input.open(WHOLE)
    const sent = random(2).bytes(400_000)
    let at = 0
    let blocked = 0
    const writing = (async () => {
      while (at < sent.length) {
        const accepted = handle.write(sent.subarray(at, at + 30_000), HOW)
        at += accepted ?? 0
        if (accepted !== undefined) continue
        blocked++
        t.equal(handle.ready()?.writable, false)
        await ready(handle)
      }
      handle.close()
    })()
    await nextTurn()
    t.ok(at > 60_000 && at < 100_000, `${at} bytes fit`)
    const got = await drain(reader)
    await writing
    t.ok(blocked > 0)
    t.ok(got.equals(sent))
    closeSync(reader)
  },
)

t.test('a process that closes its input, or has gone, is a broken pipe', async (t) => {
  const { reader, input } = open()
  const handle = input.open(PART)
  closeSync(reader)
  t.throws(() => write(handle, 'x'), { code: 'EPIPE', message: /closed its standard input/ })
  t.match(handle.ready(), { writable: true, hangup: true })
  t.throws(() => write(handle, 'x'), { code: 'EPIPE' })
  handle.close()
})

t.test('who is blocked hears that the process has gone, or was scrubbed', async (t) => {
  for (const [end, code] of [
    ['close', 'EPIPE'],
    ['scrub', 'ECANCELED'],
  ] as const) {
    const { reader, input } = open()
    const handle = input.open(PART)
    while (write(handle, Buffer.alloc(65_536)) !== undefined) {}
    const woken = ready(handle)
    let told = 0
    handle.watch(() => told++)
    input[end]()
    await woken
    t.ok(told > 0, 'who polls is told')
    t.throws(() => write(handle, 'x'), { code })
    handle.close()
    closeSync(reader)
  }
})

t.test('scrubbed, what was accepted still comes, and the input stays open to its end', async (t) => {
  const { reader, input } = open()
  const handle = input.open(WHOLE)
  let sent = 0
  for (let size = write(handle, Buffer.alloc(65_536)); size; size = write(handle, Buffer.alloc(65_536)))
    sent += size
  input.scrub()
  for (let got = 0; got < sent; await nextTurn()) got += readNow(reader)?.length ?? Number.NaN
  await nextTurn()
  t.equal(readNow(reader)?.length, 0, 'no end of file')
  input.close()
  t.equal(readNow(reader), undefined, 'now')
  handle.close()
  closeSync(reader)
})
