/** Calls and answers of discovery as datagrams. */
import t from 'tap'
import { newNonce, unwrap, wrap } from '../../../src/node/discovery/envelope.ts'
import { parseGroup } from '../../../src/node/discovery/interfaces.ts'
import { generateKey, parseKey } from '../../../src/node/peer/key.ts'
import { failure, random, seeds } from '../../random.ts'

const [key, other] = [parseKey(generateKey()), parseKey(generateKey())]
const call = { nonce: newNonce(), answer: false, id: '', address: '' }
const answer = { nonce: newNonce(), answer: true, id: 'Xaaaaaaaaaaaaaaaa', address: '10.0.0.1:11022' }

t.test('who has the key understands, nobody else does', async (t) => {
  for (const beacon of [call, answer]) {
    t.same(unwrap(wrap(beacon, [key]), [key]), beacon)
    t.same(unwrap(wrap(beacon, [other]), [key, other]), beacon, 'during a rotation')
    t.same(unwrap(wrap(beacon, []), []), beacon)
    t.equal(unwrap(wrap(beacon, [other]), [key]), undefined)
    t.equal(unwrap(wrap(beacon, []), [key]), undefined)
    t.equal(unwrap(wrap(beacon, [key]), []), undefined)
    t.equal(unwrap(wrap(beacon, [{ ...other, id: key.id }]), [key]), undefined)
  }
  t.notOk(wrap(answer, [key]).includes('10.0.0.1'), 'it does not show where servers are')
})

t.test('what was changed, cut, or is garbage, is nothing', async (t) => {
  const datagram = wrap(answer, [key])
  for (let at = 0; at < datagram.length; at++) {
    const changed = Buffer.from(datagram)
    changed[at] = (changed[at] ?? 0) ^ 1
    if (unwrap(changed, [key]) || unwrap(datagram.subarray(0, at), [key])) t.fail(`byte ${at}`)
  }
  for (const seed of seeds(3000)) {
    const chance = random(seed)
    const bytes = chance.chance(0.5) ? chance.bytes(chance.int(600)) : wrap(answer, [])
    for (let n = chance.int(4); n >= 0 && bytes.length > 6; n--)
      bytes[6 + chance.int(bytes.length - 6)] = chance.int(256)
    try {
      unwrap(bytes, [])
      unwrap(bytes, [key])
    } catch (error) {
      return t.fail(failure(seed, error))
    }
  }
  t.pass('nothing was thrown')
})

t.test('a group is a multicast address and a port', async (t) => {
  t.same(parseGroup('228.8.8.8:7711'), { address: '228.8.8.8', port: 7711 })
  for (const wrong of [
    '',
    '228.8.8.8',
    '10.0.0.1:7711',
    '228.8.8.800:1',
    '228.8.8.8:0',
    '228.8.8.8:70000',
    'x:1',
  ])
    t.throws(() => parseGroup(wrong), /not a multicast address/, wrong)
})
