/** Writes of another server: to the element as they come, or whole, answered once each, one at a time. */
import t from 'tap'
import { BaseHandle, type Cancel, type Direction, type WriteHow } from '../../../src/node/handle.ts'
import type { Control, Stream } from '../../../src/node/peer/connection.ts'
import { ServedWrites } from '../../../src/node/peer/served-writes.ts'
import { CircuitError } from '../../../src/proto/errors.ts'
import { FRAME_FLAG, MAX_WRITE_BYTES } from '../../../src/proto/frame.ts'

const WHOLE = FRAME_FLAG.FIRST | FRAME_FLAG.WAITS

/** An element's file that accepts what it has room for. */
class Sink extends BaseHandle {
  readonly writes: { text: string; how: WriteHow }[] = []
  room = Number.POSITIVE_INFINITY
  error: CircuitError | undefined
  wake: () => void = () => {}
  readonly #gradual: boolean

  constructor(gradual: boolean) {
    super()
    this.#gradual = gradual
  }

  override get gradual(): boolean {
    return this.#gradual
  }

  get text(): string {
    return this.writes.map(({ text }) => text).join('')
  }

  override write(bytes: Uint8Array, how: WriteHow): number | undefined {
    if (this.error) throw this.error
    const accepted = Math.min(bytes.length, this.room)
    if (accepted === 0) return undefined
    this.room -= accepted
    this.writes.push({ text: Buffer.from(bytes.subarray(0, accepted)).toString(), how })
    return accepted
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    this.wake = wake
    return () => {
      this.wake = () => {}
    }
  }
}

function serve({ gradual = true, budget = Number.POSITIVE_INFINITY } = {}) {
  const sink = new Sink(gradual)
  const answers: Control[] = []
  const refusals: string[] = []
  let reserved = 0
  const stream = {
    send: (control: Control) => answers.push(control),
    reserve: (bytes: number) => {
      if (reserved + bytes > budget) return false
      reserved += bytes
      return true
    },
  } as unknown as Stream
  const writes = new ServedWrites(sink, stream, (what) => void refusals.push(what))
  return { sink, answers, refusals, writes, reserved: () => reserved }
}

const PART = 'p'.repeat(1 << 16)

t.test('what may be given to an element in parts is, before the rest has come', async (t) => {
  const { sink, answers, writes, reserved } = serve()
  writes.take(Buffer.from('a'), WHOLE, 2 * PART.length)
  t.equal(sink.text, '', 'a little is not worth a call')
  writes.take(Buffer.from(PART), WHOLE, PART.length)
  t.equal(sink.text, `a${PART}`)
  t.same(answers, [])
  t.equal(reserved(), 2 * PART.length + 1)
  writes.take(Buffer.from(PART), WHOLE, 0)
  t.equal(sink.text, `a${PART}${PART}`)
  t.same(
    sink.writes.map(({ how }) => how.first),
    [true, false],
    'it is one write',
  )
  t.same(answers, [{ written: { count: 2 * PART.length + 1, delicate: false } }])
  t.equal(reserved(), 0)
})

t.test('what may not is not', async (t) => {
  const { sink, answers, writes } = serve({ gradual: false })
  writes.take(Buffer.from(PART), WHOLE, 3)
  t.equal(sink.text, '')
  writes.take(Buffer.from('end'), WHOLE, 0)
  t.equal(sink.writes.length, 1)
  t.same(answers, [{ written: { count: PART.length + 3, delicate: false } }])
})

t.test('one that has to wait goes on with what came meanwhile', async (t) => {
  const { sink, answers, writes } = serve()
  sink.room = 10
  writes.take(Buffer.from(PART), WHOLE, 3)
  t.equal(sink.text.length, 10)
  writes.take(Buffer.from('end'), WHOLE, 0)
  t.equal(sink.text.length, 10)
  sink.room = Number.POSITIVE_INFINITY
  sink.wake()
  t.equal(sink.text, `${PART}end`)
  t.equal(answers.length, 1)
})

t.test('one that may not wait, or is interrupted, is answered with what was accepted', async (t) => {
  const { sink, answers, writes } = serve()
  sink.room = 10
  writes.take(Buffer.from(PART), FRAME_FLAG.FIRST, 3)
  t.match(answers, [{ written: { count: 10 } }])
  writes.take(Buffer.from('end'), FRAME_FLAG.FIRST, 0)
  t.equal(answers.length, 1, 'the rest of it is not looked at')
  writes.take(Buffer.from('full'), FRAME_FLAG.FIRST, 0)
  t.match(answers[1], { failure: { code: 'EAGAIN', write: true } })
  writes.take(Buffer.from('full'), WHOLE, 0)
  writes.interrupt()
  t.match(answers[2], { failure: { code: 'EINTR', write: true } })
  sink.room = 100
  writes.take(Buffer.from('ok'), WHOLE, 0)
  t.match(answers[3], { written: { count: 2 } })
})

t.test('one that fails is answered at once, and its rest ignored', async (t) => {
  const { sink, answers, writes, reserved } = serve()
  sink.error = new CircuitError('EPIPE')
  writes.take(Buffer.from(PART), WHOLE, 3)
  t.match(answers, [{ failure: { code: 'EPIPE', write: true } }])
  sink.error = undefined
  writes.take(Buffer.from('end'), WHOLE, 0)
  t.equal(sink.text, '')
  t.equal(reserved(), 0)
  writes.take(Buffer.from('next'), WHOLE, 0)
  t.equal(sink.text, 'next')
})

t.test('without room for it a write fails, and harms no other', async (t) => {
  const { sink, answers, writes, reserved } = serve({ budget: 10 })
  writes.take(Buffer.from('123456'), WHOLE, 6)
  writes.take(Buffer.from('123456'), WHOLE, 0)
  t.match(answers, [{ failure: { code: 'ENOMEM', write: true } }])
  writes.take(Buffer.from('1234'), WHOLE, 0)
  t.equal(sink.text, '1234')
  t.equal(reserved(), 0)
})

t.test('what is against the protocol is refused', async (t) => {
  const one = serve()
  one.sink.room = 0
  one.writes.take(Buffer.from('waits'), WHOLE, 0)
  one.writes.take(Buffer.from('another'), WHOLE, 0)
  t.match(one.refusals, ['it writes while it writes'])
  const two = serve()
  two.writes.take(Buffer.from('a'), WHOLE, MAX_WRITE_BYTES)
  t.match(two.refusals, ['it writes more than 1 MiB'])
  one.writes.cancel()
  t.equal(one.reserved(), 0)
})
