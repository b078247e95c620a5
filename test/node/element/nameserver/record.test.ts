/** Records in presentation form: what is understood, how it is written back, and what is said of what is not. */
import t from 'tap'
import { parseRecord } from '../../../../src/node/element/nameserver/record.ts'
import { recordOf } from '../../../../src/node/element/nameserver/tokens.ts'
import type { CircuitError } from '../../../../src/proto/errors.ts'

/** A record as it is shown, with spaces for tabs. */
const shown = (text: string): string => parseRecord(text).text.replaceAll('\t', ' ')
const data = (text: string): string => parseRecord(text).data.bytes.toString('hex')

t.test('each type, written back in one form', async (t) => {
  const cases: [string, string][] = [
    ['a.test. 60 IN A 10.0.0.1', 'a.test. 60 IN A 10.0.0.1'],
    ['a.test 60 A 10.0.0.1', 'a.test. 60 IN A 10.0.0.1'],
    ['a.test. in 60 a 10.0.0.1', 'a.test. 60 IN A 10.0.0.1'],
    ['a.test. CLASS1 A 10.0.0.1', 'a.test. 3600 IN A 10.0.0.1'],
    ['\ta.test.   A\t10.0.0.1  ; the first', 'a.test. 3600 IN A 10.0.0.1'],
    ['a.test. 1h30m A 10.0.0.1', 'a.test. 5400 IN A 10.0.0.1'],
    ['a.test. 1W2D A 10.0.0.1', 'a.test. 777600 IN A 10.0.0.1'],
    ['a.test. 0 A 255.255.255.255', 'a.test. 0 IN A 255.255.255.255'],
    ['. 2147483647 NS a.', '. 2147483647 IN NS a.'],
    ['A.Test. CNAME Web.Test', 'A.Test. 3600 IN CNAME Web.Test.'],
    ['1.0.0.10.in-addr.arpa. PTR a.test.', '1.0.0.10.in-addr.arpa. 3600 IN PTR a.test.'],
    ['miek.nl. 3600 IN MX 10 mx.miek.nl.', 'miek.nl. 3600 IN MX 10 mx.miek.nl.'],
    ['_x._tcp.a. SRV 1 2 65535 b.', '_x._tcp.a. 3600 IN SRV 1 2 65535 b.'],
    ['a. TXT x "y z" "" "\\"\\\\\\009"', 'a. 3600 IN TXT "x" "y z" "" "\\"\\\\\\009"'],
    ['a. TXT "v=spf1; -all" (', ''],
    ['a. TXT "ü"', 'a. 3600 IN TXT "\\195\\188"'],
    ['a. SOA ns. me. 4294967295 1h 600 1w 60', 'a. 3600 IN SOA ns. me. 4294967295 3600 600 604800 60'],
    ['a. CAA 128 issue "ca.test; x=y"', 'a. 3600 IN CAA 128 issue "ca.test; x=y"'],
    ['a. CAA 0 iodef ""', 'a. 3600 IN CAA 0 iodef ""'],
    [
      'a. NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:i@a.!" .',
      'a. 3600 IN NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:i@a.!" .',
    ],
    ['a. TYPE65534 \\# 3 aB cD0f', 'a. 3600 IN TYPE65534 \\# 3 ABCD0F'],
    ['a. TYPE65534 \\# 0', 'a. 3600 IN TYPE65534 \\# 0'],
    ['a. TYPE1 \\# 4 0a000001', 'a. 3600 IN A 10.0.0.1'],
    ['a. MX \\# 7 000a 016d 016e 00', 'a. 3600 IN MX 10 m.n.'],
    ['a. TYPE15 10 m.n.', 'a. 3600 IN MX 10 m.n.'],
    ['a\\.b.c\\032d.\\255. A 1.2.3.4', 'a\\.b.c\\032d.\\255. 3600 IN A 1.2.3.4'],
    ['\\@.\\;.\\(. A 1.2.3.4', '\\@.\\;.\\(. 3600 IN A 1.2.3.4'],
    ['*.a. A 1.2.3.4', '*.a. 3600 IN A 1.2.3.4'],
    ['"a.b" A 1.2.3.4', 'a.b. 3600 IN A 1.2.3.4'],
    ['A A A 1.2.3.4', ''],
    ['IN IN A 1.2.3.4', 'IN. 3600 IN A 1.2.3.4'],
    ['60 60 A 1.2.3.4', '60. 60 IN A 1.2.3.4'],
  ]
  for (const [text, expected] of cases)
    if (expected === '') t.throws(() => shown(text), { code: 'EINVAL' }, text)
    else t.equal(shown(text), expected, text)
})

t.test('what is written back is understood as the same', async (t) => {
  for (const text of [
    'a\\.\\000. TXT "\\000\\255\\"" x',
    'a. NAPTR 1 2 "\\"" "\\\\" "" \\..',
    'a. TYPE9 \\# 1 00',
  ]) {
    const once = parseRecord(text)
    const twice = parseRecord(once.text)
    t.strictSame([twice.text, twice.key, twice.data], [once.text, once.key, once.data], text)
  }
})

t.test('IPv6 addresses in the form of RFC 5952', async (t) => {
  const cases: [string, string][] = [
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['0:0:1::', '0:0:1::'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['::10.0.0.1', '::a00:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ]
  for (const [given, expected] of cases) t.equal(shown(`a. AAAA ${given}`), `a. 3600 IN AAAA ${expected}`)
  t.equal(data('a. AAAA 1:2::7:10.0.0.1'), '00010002000000000000'.concat('00070a000001'))
})

t.test('wire forms', async (t) => {
  t.equal(data('a. MX 10 b.c.'), '000a0162016300')
  t.equal(data('a. TXT ab c'), '0261620163')
  t.equal(data('a. CAA 0 issue "x"'), '0005697373756578')
  t.equal(parseRecord('A\\.B.c. A 1.2.3.4').key, '\x03a.b\x01c\0')
  t.strictSame(parseRecord('a. SOA ns. me. 1 2 3 4 5').data.names, [0, 4], 'names that can be compressed')
  t.strictSame(parseRecord('a. SRV 1 2 3 b.').data.names, [], 'and none that others may not know')
})

t.test('what is wrong is told with its column', async (t) => {
  const label = 'x'.repeat(64)
  const wrong: [string, number, RegExp][] = [
    ['', 0, /NAME \[TTL\] \[IN\] TYPE DATA/],
    ['; only this', 0, /here is none/],
    ['a.', 3, /type is missing: known are A NS/],
    ['a. 60 IN', 9, /type is missing/],
    ['@ A 1.2.3.4', 1, /@ stands for the name of a zone file/],
    ['a. MX 10 @', 10, /write the name out/],
    ['a..b. A 1.2.3.4', 1, /two dots/],
    ['.a. A 1.2.3.4', 1, /two dots/],
    [`${label}. A 1.2.3.4`, 1, /label of 64 bytes; at most 63/],
    [`${'x.'.repeat(128)} A 1.2.3.4`, 1, /name of 257 bytes; at most 255/],
    ['a. FOO 1', 4, /FOO is no type of records; known are A/],
    ['a. ANY x', 4, /only IN/],
    ['a. OPT x', 4, /no type/],
    ['a. TYPE41 \\# 0', 4, /no type/],
    ['a. TYPE255 \\# 0', 4, /no type/],
    ['a. TYPE65536 \\# 0', 4, /no type/],
    ['a. CH A 1.2.3.4', 4, /there is only IN/],
    ['a. 60 60 A 1.2.3.4', 7, /60 is no type/],
    ['a. 2147483648 A 1.2.3.4', 4, /more than a TTL can be/],
    ['a. A', 5, /IPv4 address .* is missing/],
    ['a. A 1.2.3', 6, /1\.2\.3 is not an IPv4 address/],
    ['a. A 1.2.3.4 5', 14, /5 is too much/],
    ['a. AAAA 1.2.3.4', 9, /IPv6/],
    ['a. AAAA fe80::1%eth0', 9, /IPv6/],
    ['a. MX x m.', 7, /x is not a number from 0 to 65535/],
    ['a. MX 65536 m.', 7, /65536/],
    ['a. MX 10', 9, /a name is missing: the data of MX is/],
    ['a. MX -1 m.', 7, /-1/],
    [`a. TXT ${'x'.repeat(256)}`, 8, /256 bytes/],
    ['a. TXT "x', 8, /does not end/],
    ['a. TXT \\256', 8, /more than a byte/],
    ['a. TXT x\\', 9, /nothing follows/],
    ['a. CAA 0 is-sue "x"', 10, /letters and digits/],
    ['a. SOA ( a. b. 1 2 3 4 5 )', 8, /parentheses/],
    ['a. TXT x(y)', 9, /parentheses/],
    ['a. A \\# 3 000102', 6, /does not hold the data of A/],
    ['a. MX \\# 4 000a0162', 7, /does not hold the data of MX/],
    ['a. TXT \\# 0', 8, /does not hold/],
    ['a. TYPE9', 9, /data is missing/],
    ['a. TYPE9 hello', 10, /hello is not understood/],
    ['a. TYPE9 \\#', 12, /number of bytes is missing/],
    ['a. TYPE9 \\# 2 0g', 15, /not hexadecimal/],
    ['a. TYPE9 \\# 2 00', 13, /there are 1/],
    ['a. A 1.2.3.4\nb. A 1.2.3.4', 13, /one line/],
  ]
  for (const [text, column, reason] of wrong) {
    const error = t.throws(() => parseRecord(text), { code: 'EINVAL', message: reason }, text)
    if (column > 0) t.match((error as CircuitError | undefined)?.message, `column ${column}: `, text)
  }
})

t.test('the words of a command', async (t) => {
  t.equal(recordOf(['a. TXT "b c"']), 'a. TXT "b c"')
  t.equal(
    recordOf(['a.', 'TXT', 'b c', '', 'd;e', 'f"g', '"h i"', 'j']),
    'a. TXT "b c" "" "d;e" "f\\"g" "h i" j',
  )
})
