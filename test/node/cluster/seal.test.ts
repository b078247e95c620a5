/** Sealed datagrams: only the recipient opens them, only with the key, and only once. */
import t from 'tap'
import { MAX_DATAGRAM, SEAL_BYTES } from '../../../src/node/cluster/messages.ts'
import { ReplayWindow, WINDOW } from '../../../src/node/cluster/replay.ts'
import { type Refusal, Refused, Seal } from '../../../src/node/cluster/seal.ts'
import { generateKey, parseKey } from '../../../src/node/peer/key.ts'
import { random, seeds } from '../../random.ts'

const [A, B, C] = ['Xaaaaaaaaaaaaaaaa', 'Xbbbbbbbbbbbbbbbb', 'Xcccccccccccccccc'] as const
const text = Buffer.from('who is there?')
const [key, other] = [parseKey(generateKey()), parseKey(generateKey())]

/** Why it is not opened; undefined where it is. */
function refusal(seal: Seal, datagram: Uint8Array): Refusal | undefined {
  try {
    seal.open(Buffer.from(datagram))
    return undefined
  } catch (error) {
    if (error instanceof Refused) return error.reason
    throw error
  }
}

t.test('a datagram is opened by its recipient, once', async (t) => {
  const [a, b, c] = [new Seal(A, [key]), new Seal(B, [key]), new Seal(C, [key])]
  const datagram = a.seal(B, text)
  t.equal(datagram.length, text.length + SEAL_BYTES)
  t.notOk(datagram.includes(text), 'it does not show what it says')
  t.equal(refusal(c, datagram), 'recipient')
  t.match(b.open(datagram), { from: A, content: text })
  t.equal(refusal(b, datagram), 'replayed')
  t.match(b.open(a.seal(B, text)), { from: A }, 'the same again, sealed anew, is another one')
  t.equal(refusal(new Seal(B, [key]), a.seal(C, text)), 'recipient')
})

t.test('who has another key, or none, is not heard', async (t) => {
  const b = new Seal(B, [key])
  t.equal(refusal(b, new Seal(A, [other]).seal(B, text)), 'key')
  t.equal(refusal(b, new Seal(A, []).seal(B, text)), 'key')
  t.equal(refusal(new Seal(B, []), new Seal(A, [key]).seal(B, text)), 'key')
  const forged = { ...other, id: key.id }
  t.equal(refusal(b, new Seal(A, [forged]).seal(B, text)), 'forged', 'whoever only claims to have it neither')
})

t.test('without a key it is in the clear, but still for one server, and once', async (t) => {
  const b = new Seal(B, [])
  const datagram = new Seal(A, []).seal(B, text)
  t.match(b.open(datagram), { from: A, content: text })
  t.equal(refusal(b, datagram), 'replayed')
})

t.test('during a rotation datagrams under both keys are opened', async (t) => {
  const [old, both, next] = [new Seal(A, [key]), new Seal(B, [key, other]), new Seal(C, [other, key])]
  t.match(both.open(old.seal(B, text)), { from: A })
  t.match(both.open(next.seal(B, text)), { from: C })
  t.match(next.open(both.seal(C, text)), { from: B })
})

t.test('a datagram that was changed anywhere, cut or made longer is dropped', async (t) => {
  const [a, b] = [new Seal(A, [key]), new Seal(B, [key])]
  const datagram = a.seal(B, text)
  for (let at = 0; at < datagram.length; at++) {
    const changed = Buffer.from(datagram)
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    if (refusal(b, changed) === undefined) t.fail(`byte ${at} was changed`)
    if (refusal(b, datagram.subarray(0, at)) === undefined) t.fail(`it was cut to ${at} bytes`)
  }
  t.equal(refusal(b, Buffer.concat([datagram, Buffer.alloc(1)])), 'forged')
  t.equal(refusal(b, Buffer.alloc(MAX_DATAGRAM + 1, 1)), 'garbage')
  t.equal(refusal(b, datagram), undefined, 'none of that keeps the true one from being opened')
})

t.test('garbage is dropped', async (t) => {
  const b = new Seal(B, [key])
  for (const seed of seeds(1000)) {
    const chance = random(seed)
    const bytes = chance.bytes(chance.int(100))
    if (bytes.length >= 30 && chance.chance(0.5)) {
      bytes.writeUInt16BE(0x0101, 0)
      bytes.write(key.id.slice(0, 8) + B.slice(1), 2, 'hex')
    }
    if (refusal(b, bytes) === undefined) return t.fail(`seed ${seed}`)
  }
  t.pass('all was')
})

t.test('a window takes each number once, in any order, and none that is too old', async (t) => {
  for (const seed of seeds(50)) {
    const chance = random(seed)
    const window = new ReplayWindow()
    const seen = new Set<number>()
    for (let newest = 1, n = 0; n < 2000; n++) {
      newest += chance.pick([0, 1, 1, 2, 40, chance.int(3000)])
      const number = Math.max(
        1,
        newest - chance.pick([0, 0, 1, 5, 31, 32, 33, WINDOW - 1, WINDOW, chance.int(2 * WINDOW)]),
      )
      const expected = !seen.has(number) && number > Math.max(0, ...seen) - WINDOW
      if (window.isNew(number) !== expected)
        return t.equal(window.isNew(number), expected, `seed ${seed}: ${number}`)
      if (expected) {
        window.add(number)
        seen.add(number)
      }
    }
  }
  t.notOk(new ReplayWindow().isNew(0))
})
