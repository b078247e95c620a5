/** Frames: whole whatever their pieces, and nothing but an error from what is none. */
import t from 'tap'
import { CircuitError } from '../../src/proto/errors.ts'
import { FRAME, type Frame, FrameReader, frame, MAX_PAYLOAD_BYTES } from '../../src/proto/frame.ts'

/** A small generator of numbers, so that a failure can be repeated (Park and Miller, 1988). */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48271) % 0x7fffffff
    return state % below
  }
}

type Whole = Omit<Frame, 'left'>

const encode = ({ stream, kind, flags, payload }: Whole): Buffer => frame(stream, kind, flags, payload)

/** Puts the parts of frames together. */
function* whole(parts: Iterable<Frame>, begun: Buffer[]): Generator<Whole> {
  for (const { left, ...part } of parts) {
    begun.push(part.payload)
    if (left === 0) yield { ...part, payload: Buffer.concat(begun.splice(0)) }
  }
}

const EMPTY = frame(1, FRAME.READ, 0, new Uint8Array(0))

t.test('frames come out whole, however the bytes were cut', async (t) => {
  const next = random(42)
  const kinds = Object.values(FRAME)
  const frames = Array.from({ length: 300 }, (_, n): Whole => {
    const payload = Buffer.alloc(next(20) === 0 ? 70_000 : next(50), n)
    return {
      stream: next(2 ** 31),
      kind: kinds[next(kinds.length)] ?? FRAME.CONTROL,
      flags: next(256),
      payload,
    }
  })
  const bytes = Buffer.concat(frames.map(encode))
  for (const largest of [1, 7, 13, 5000, bytes.length]) {
    const reader = new FrameReader()
    const found: Whole[] = []
    const begun: Buffer[] = []
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + 1 + next(largest))
      at += piece.length
      found.push(...whole(reader.push(piece), begun))
    }
    t.equal(reader.pending, 0)
    t.ok(
      found.length === frames.length &&
        found.every((frame, n) => encode(frame).equals(encode(frames[n] ?? frame))),
    )
  }
})

t.test('bulk bytes come as they come, and are not copied; all else comes whole', async (t) => {
  for (const [kind, parts] of [
    [FRAME.READ, 3],
    [FRAME.WRITE, 3],
    [FRAME.CONTROL, 1],
  ] as const) {
    const bytes = frame(5, kind, 1, Buffer.from('abcdefgh'))
    const reader = new FrameReader()
    const found = [14, 17, 20].flatMap((end, n) => [...reader.push(bytes.subarray([0, 14, 17][n], end))])
    t.equal(found.length, parts)
    t.equal(found.map(({ payload }) => payload.toString()).join(''), 'abcdefgh')
    t.same(
      found.map(({ left }) => left),
      parts === 3 ? [6, 3, 0] : [0],
    )
    if (parts === 3) t.ok(found.every(({ payload }) => payload.buffer === bytes.buffer))
  }
})

t.test('what is no frame is refused at its header, before any memory is taken', async (t) => {
  const huge = Buffer.from(EMPTY)
  huge.writeUInt32LE(MAX_PAYLOAD_BYTES + 1, 0)
  t.throws(() => [...new FrameReader().push(huge)], CircuitError)
  t.throws(
    () => [...new FrameReader().push(Buffer.from('ffffffffff7fffffffffffffffff', 'hex'))],
    CircuitError,
  )
  const odd = Buffer.from(EMPTY)
  odd.writeUInt8(99, 8)
  t.throws(() => [...new FrameReader().push(odd)], CircuitError)
})

t.test('random bytes give frames or an error, and keep no more than a frame', async (t) => {
  const next = random(7)
  for (let round = 0; round < 2000; round++) {
    const reader = new FrameReader()
    try {
      for (let piece = 0; piece < 5; piece++) {
        const bytes = Buffer.from(Array.from({ length: next(40) }, () => next(256)))
        if (next(2) === 0) bytes.fill(0, 0, Math.min(4, bytes.length))
        for (const frame of reader.push(bytes)) t.ok(frame.payload.length <= MAX_PAYLOAD_BYTES)
      }
    } catch (error) {
      if (!(error instanceof CircuitError)) t.fail(`round ${round}: ${error}`)
    }
    if (reader.pending > MAX_PAYLOAD_BYTES + 12) t.fail(`round ${round} keeps ${reader.pending} bytes`)
  }
  t.pass('2,000 rounds')
})
