/** Frames are taken off, however they are cut into pieces. */
import t from 'tap'
import { Deframer } from '../../../../src/node/element/container/deframer.ts'
import { random } from '../../../random.ts'

function frame(payload: Uint8Array, stream = 1): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(stream)
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

t.test('any frames, cut anywhere', async (t) => {
  const dice = random(5)
  for (let round = 0; round < 200; round++) {
    const payloads = Array.from({ length: dice.int(20) }, () => dice.bytes(dice.int(round)))
    const sent = Buffer.concat(payloads.map((payload) => frame(payload)))
    const deframer = new Deframer()
    const got: Buffer[] = []
    for (let at = 0; at < sent.length; ) {
      const size = 1 + dice.int(round < 100 ? 10 : 500)
      got.push(Buffer.from(deframer.take(Buffer.from(sent.subarray(at, at + size)))))
      at += size
    }
    if (!Buffer.concat(got).equals(Buffer.concat(payloads))) return t.fail(`round ${round}`)
  }
  t.pass('200 rounds')
})

t.test('what is no frame is refused', async (t) => {
  t.throws(() => new Deframer().take(Buffer.from('plain output of a terminal')), { code: 'EPROTO' })
  t.throws(() => new Deframer().take(frame(Buffer.from('x'), 7)), { code: 'EPROTO' })
})

t.test('many small frames take no longer than few large ones, for their bytes', async (t) => {
  const small = Buffer.concat(Array.from({ length: 200_000 }, () => frame(Buffer.from('x'))))
  const begun = performance.now()
  t.equal(new Deframer().take(small).length, 200_000)
  t.ok(performance.now() - begun < 2000, 'it is linear')
})
