/** The server's end of a process's output, on a real pipe. */
import { closeSync, writeSync } from 'node:fs'
import t from 'tap'
import { PipeSource } from '../../../../src/node/element/process/pipe-source.ts'
import { failure, random, seeds } from '../../../random.ts'
import { openFifo } from './fifo.ts'

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString()

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
const woken = (source: PipeSource) => new Promise<void>((resolve) => source.await(resolve))

t.test('reading on demand', async (t) => {
  const { reader, writer } = openFifo()
  const source = new PipeSource(reader)
  t.equal(source.read(10), undefined, 'nothing yet')
  t.notOk(source.readable)
  writeSync(writer, 'hello world')
  t.ok(source.readable)
  t.equal(text(source.read(5)), 'hello')
  source.unread(Buffer.from('hello'))
  t.equal(text(source.read(3)), 'hel')
  t.equal(text(source.read(10)), 'lo')
  t.equal(text(source.read(100)), ' world')
  t.equal(source.read(10), undefined)
  closeSync(writer)
  t.ok(source.readable, 'the end is something to read')
  t.equal(text(source.read(10)), '')
  t.equal(text(source.read(10)), '', 'and repeats')
})

t.test('who waits is woken by bytes, and by the end', async (t) => {
  const { reader, writer } = openFifo()
  const source = new PipeSource(reader)
  const bytes = woken(source)
  writeSync(writer, 'x')
  await bytes
  t.equal(text(source.read(10)), 'x')
  const end = woken(source)
  closeSync(writer)
  await end
  t.equal(text(source.read(10)), '')
})

t.test('who begins to wait is not woken before that is done', async (t) => {
  for (const end of [false, true]) {
    const { reader, writer } = openFifo()
    const source = new PipeSource(reader)
    t.equal(source.read(10), undefined)
    // In between: what comes before the source listens.
    if (end) closeSync(writer)
    else writeSync(writer, 'x')
    let begun = false
    await new Promise<void>((resolve) => {
      source.await(() => {
        t.ok(begun)
        resolve()
      })
      begun = true
    })
    t.equal(text(source.read(10)), end ? '' : 'x')
    if (!end) closeSync(writer)
    source.close()
  }
})

t.test('nothing is read while nobody waits: the writer is held up', async (t) => {
  const { reader, writer } = openFifo()
  const source = new PipeSource(reader)
  const first = woken(source)
  writeSync(writer, 'x')
  await first
  t.equal(text(source.read(1)), 'x')
  let written = 0
  const fill = (): boolean => {
    try {
      written += writeSync(writer, Buffer.alloc(4096))
      return true
    } catch {
      return false
    }
  }
  for (let turn = 0; turn < 200; turn++) {
    while (fill()) {}
    await nextTurn()
  }
  t.ok(written <= 3 * 65_536, `${written} bytes were taken`)
  closeSync(writer)
  source.close()
})

t.test('all flows to a sink, in order, from what was held on', async (t) => {
  const { reader, writer } = openFifo()
  const source = new PipeSource(reader)
  writeSync(writer, 'abc')
  source.unread(Buffer.from(source.read(2) ?? []))
  const pieces: Buffer[] = []
  const ended = new Promise<void>((resolve) =>
    source.flow((bytes) => (bytes ? pieces.push(Buffer.from(bytes)) : resolve())),
  )
  const sent = random(1).bytes(300_000)
  for (let at = 0; at < sent.length; ) {
    try {
      at += writeSync(writer, sent, at, Math.min(5000, sent.length - at))
    } catch {
      await nextTurn()
    }
  }
  closeSync(writer)
  await ended
  t.ok(Buffer.concat(pieces).equals(Buffer.concat([Buffer.from('abc'), sent])))
})

t.test('closed, the writer gets EPIPE', async (t) => {
  const { reader, writer } = openFifo()
  const source = new PipeSource(reader)
  source.await(() => {})
  source.close()
  await nextTurn()
  t.throws(() => writeSync(writer, 'x'), { code: 'EPIPE' })
  closeSync(writer)
})

t.test('whatever is done with it, each byte comes once, in order', async (t) => {
  for (const seed of seeds(60)) {
    const { int, chance, bytes } = random(seed)
    const { reader, writer } = openFifo()
    const source = new PipeSource(reader)
    const sent: Buffer[] = []
    const got: Buffer[] = []
    for (let n = 0; n < 60; n++) {
      if (chance(0.4)) {
        const piece = bytes(1 + int(400))
        writeSync(writer, piece)
        sent.push(piece)
      }
      if (chance(0.2)) source.await(chance(0.8) ? () => {} : undefined)
      if (chance(0.2)) await nextTurn()
      if (chance(0.1)) void source.readable
      if (chance(0.5)) {
        const piece = Buffer.from(source.read(1 + int(500)) ?? [])
        if (chance(0.2)) source.unread(piece)
        else got.push(piece)
      }
    }
    closeSync(writer)
    for (;;) {
      const piece = source.read(100)
      if (piece?.length === 0) break
      if (piece) got.push(Buffer.from(piece))
      else await woken(source)
    }
    if (!Buffer.concat(got).equals(Buffer.concat(sent)))
      return t.fail(failure(seed, 'bytes were lost or out of order'))
  }
  t.pass()
})
