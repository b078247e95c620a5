/** Addresses as text. */
import t from 'tap'
import { formatAddress, parseAddress } from '../../src/proto/address.ts'

t.test('each part may be left out', async (t) => {
  t.strictSame(parseAddress('10.0.0.1:80'), { host: '10.0.0.1', port: 80 })
  t.strictSame(parseAddress('10.0.0.1'), { host: '10.0.0.1' })
  t.strictSame(parseAddress(':80'), { port: 80 })
  t.strictSame(parseAddress(''), {})
  t.strictSame(parseAddress('[::1]:80'), { host: '::1', port: 80 })
  t.strictSame(parseAddress('[::1]'), { host: '::1' })
  t.strictSame(parseAddress('::1'), { host: '::1' })
  t.strictSame(parseAddress('::ffff:10.0.0.1'), { host: '::ffff:10.0.0.1' })
})

t.test('what is none is refused', async (t) => {
  for (const text of ['a:b', 'a:80:90', '[::1', '::1]:80', 'a:65536', 'a:123456', 'a:-1'])
    t.throws(() => parseAddress(text), { code: 'EINVAL', message: /not an address/ }, text)
})

t.test('what is formatted can be parsed', async (t) => {
  for (const host of ['127.0.0.1', '::1', 'fe80::1'])
    t.strictSame(parseAddress(formatAddress({ host, port: 7711 })), { host, port: 7711 })
  t.equal(formatAddress({ host: '::1', port: 1 }), '[::1]:1')
})
