/** The last bytes of a stream, against a plain array of all of them. */
import t from 'tap'
import { RingBuffer } from '../../../../src/node/element/job/ring-buffer.ts'
import { failure, random, seeds } from '../../../random.ts'

/** All that can be read from an offset on, in pieces of up to `max`. */
function readAll(ring: RingBuffer, from: number, max: number): Buffer {
  const pieces: Buffer[] = []
  for (let at = from; at < ring.end; ) {
    const piece = ring.read(at, max)
    if (piece.length === 0 || piece.length > max) throw new Error(`a piece of ${piece.length} bytes`)
    pieces.push(Buffer.from(piece))
    at += piece.length
  }
  return Buffer.concat(pieces)
}

t.test('it keeps the last bytes, at their offsets', async (t) => {
  for (const seed of seeds(300)) {
    const { int, pick, chance, bytes } = random(seed)
    const limit = pick([1, 2, 7, 100, 4096, 10_000])
    const ring = new RingBuffer(limit)
    let all = Buffer.alloc(0)
    let cleared = 0
    for (let n = 0; n < 40; n++) {
      if (chance(0.03)) {
        ring.clear()
        cleared = all.length
      } else {
        const piece = bytes(pick([0, 1, int(10), int(300), int(3 * limit)]))
        ring.append(piece)
        all = Buffer.concat([all, piece])
      }
      const start = Math.max(cleared, all.length - limit)
      const from = start + int(all.length - start + 1)
      const same =
        ring.end === all.length &&
        ring.start === start &&
        readAll(ring, from, 1 + int(2 * limit)).equals(all.subarray(from))
      if (!same) return t.fail(failure(seed, `step ${n}: limit ${limit}, ${all.length} bytes, from ${from}`))
    }
  }
  t.pass()
})

t.test('a quiet stream costs little', async (t) => {
  const before = process.memoryUsage().arrayBuffers
  const rings = Array.from({ length: 100 }, () => new RingBuffer(1 << 28))
  for (const ring of rings) ring.append(Buffer.from('hello'))
  t.ok(process.memoryUsage().arrayBuffers - before < 100 * 16_384)
  t.equal(Buffer.from(rings[99]?.read(0, 10) ?? []).toString(), 'hello')
})
