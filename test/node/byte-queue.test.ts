/** A queue of bytes, several at a time so that they share the pool, against plain arrays. */
import t from 'tap'
import { ByteQueue, MAX_QUEUED_BYTES } from '../../src/node/byte-queue.ts'
import { failure, random, seeds } from '../random.ts'

const PATTERN = random(1).bytes(1 << 16)

/** Bytes that differ with their place in the stream. */
function piece(from: number, length: number): Buffer {
  const at = from % 1021
  const many = Math.ceil((at + length) / PATTERN.length)
  return Buffer.concat(Array.from({ length: many }, () => PATTERN)).subarray(at, at + length)
}

t.test('bytes come out as they went in', async (t) => {
  for (const seed of seeds(100)) {
    const { int, pick, chance } = random(seed)
    const queues = Array.from({ length: 4 }, () => ({
      queue: new ByteQueue(),
      kept: Buffer.alloc(0),
      put: 0,
    }))
    for (let n = 0; n < 120; n++) {
      const one = pick(queues)
      const { queue } = one
      if (chance(0.02)) {
        queue.clear()
        one.kept = Buffer.alloc(0)
      } else if (chance(0.5)) {
        const room = MAX_QUEUED_BYTES - one.kept.length
        const bytes = piece(one.put, Math.min(room, pick([0, 1, int(200), int(40_000), int(500_000), room])))
        queue.push(bytes)
        one.put += bytes.length
        one.kept = Buffer.concat([one.kept, bytes])
      } else {
        const seen = queue.peek(1 + pick([int(10), int(100_000), MAX_QUEUED_BYTES]))
        if (
          (seen.length === 0) !== (one.kept.length === 0) ||
          !seen.equals(one.kept.subarray(0, seen.length))
        )
          return t.fail(failure(seed, `step ${n}: ${seen.length} bytes of ${one.kept.length}`))
        const dropped = pick([0, seen.length, int(seen.length + 1)])
        if (one.kept.length > 0) queue.drop(dropped)
        one.kept = one.kept.subarray(dropped)
      }
      if (queue.length !== one.kept.length)
        return t.fail(failure(seed, `step ${n}: it holds ${queue.length}`))
    }
  }
  t.pass('all seeds')
})

t.test('what is short comes in one piece, wherever it lies', async (t) => {
  const queue = new ByteQueue()
  let first = 'a first one'
  queue.push(Buffer.from(first))
  // It is never empty, so what is put in goes round and round.
  for (let n = 0; n < 1000; n++) {
    const next = `message ${'x'.repeat(n % 13)}${n}`
    queue.push(Buffer.from(next))
    t.equal(queue.peek(first.length).toString(), first)
    queue.drop(first.length)
    first = next
  }
})
