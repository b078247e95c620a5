/** What is answered to what: the rules of an authoritative server, one by one. dns2 reads the answers. */
import t from 'tap'
import { type AnswerOptions, answer } from '../../../../src/node/element/nameserver/answer.ts'
import { parseRecord } from '../../../../src/node/element/nameserver/record.ts'
import type { Zone } from '../../../../src/node/element/nameserver/zone.ts'
import { type QueryOptions, query, read, type Said, words, zoneOf } from './message.ts'

const UDP: AnswerOptions = { over: 'udp' }
const TCP: AnswerOptions = { over: 'tcp' }

const ZONE = zoneOf(`
  test. 300 SOA ns.test. me.test. 7 3600 600 86400 60
  test. 300 NS ns.test.
  ns.test. 300 A 10.0.0.53
  web.test. 60 A 10.0.0.1
  web.test. 60 A 10.0.0.2
  web.test. 60 A 10.0.0.3
  web.test. 60 TXT hello
  www.test. 60 CNAME Web.test.
  ftp.test. 60 CNAME www.test.
  out.test. 60 CNAME www.example.
  gone.test. 60 CNAME nothing.test.
  loop1.test. 60 CNAME loop2.test.
  loop2.test. 60 CNAME loop1.test.
  a.b.c.test. 60 A 10.0.0.4
  *.apps.test. 60 A 10.0.0.5
  own.apps.test. 60 TXT own
  *.alias.test. 60 CNAME web.test.
  sub.test. 60 NS ns.sub.test.
  sub.test. 60 NS ns.elsewhere.
  ns.sub.test. 60 A 10.0.0.54
  ns.sub.test. 60 AAAA fd00::54
  alone.example2. 60 A 10.0.0.6
  *.wild.example2. 60 A 10.0.0.7
`)

const ask = (
  name: string,
  type: string | number,
  options?: QueryOptions,
  how = UDP,
  zone: Zone = ZONE,
): Said => {
  const said = read(answer(zone, query(name, type, options), how))
  if (said === undefined) throw new Error(`no answer to ${name} ${type}`)
  return said
}

const SOA = 'test 60 ns.test me.test 7 3600 600 86400 60'

t.test('all records of name and type, with AA, and the question as it was asked', async (t) => {
  const said = ask('wEb.TEST.', 'A')
  t.match(said, { status: 'NOERROR', flags: 'aa rd', authority: [], additional: [], opt: false })
  t.strictSame(said.answer, ['wEb.TEST 60 10.0.0.1', 'wEb.TEST 60 10.0.0.2', 'wEb.TEST 60 10.0.0.3'])
  t.equal(ask('web.test.', 'TXT').answer.length, 1)
  t.match(ask('web.test.', 'A', { flags: 0 }).flags, /^aa$/)
  t.match(ask('web.test.', 'A', { flags: 0x0130 }).flags, /^aa rd cd$/, 'AD is not given back')
})

t.test('ANY has every set', async (t) => {
  t.strictSame(ask('web.test.', 'ANY').answer, [
    'web.test 60 10.0.0.1',
    'web.test 60 10.0.0.2',
    'web.test 60 10.0.0.3',
    'web.test 60 hello',
  ])
  t.equal(ask('www.test.', 'ANY').answer.length, 1, 'an alias is not followed')
})

t.test('the least TTL of a set is that of all', async (t) => {
  const zone = zoneOf('a. 60 A 1.2.3.4\na. 30 A 1.2.3.5')
  t.strictSame(ask('a.', 'A', {}, UDP, zone).answer, ['a 30 1.2.3.4', 'a 30 1.2.3.5'])
})

t.test('records take turns', async (t) => {
  let turn = 0
  const how: AnswerOptions = { over: 'udp', first: ({ records }) => turn++ % records.length }
  const firsts = Array.from({ length: 6 }, () =>
    ask('web.test.', 'A', {}, how)
      .answer.map((text) => text.at(-1))
      .join(''),
  )
  t.strictSame(firsts, ['123', '231', '312', '123', '231', '312'])
})

t.test('no such name against no such type', async (t) => {
  t.match(ask('web.test.', 'AAAA'), { status: 'NOERROR', flags: 'aa rd', answer: [], authority: [SOA] })
  t.match(ask('nothing.test.', 'A'), { status: 'NXDOMAIN', flags: 'aa rd', answer: [], authority: [SOA] })
  t.match(
    ask('b.c.test.', 'A'),
    { status: 'NOERROR', answer: [], authority: [SOA] },
    'names below it make a name',
  )
  t.match(ask('x.web.test.', 'A'), { status: 'NXDOMAIN', authority: [SOA] })
  t.match(ask('test.', 'TXT'), { status: 'NOERROR', authority: [SOA] })
})

t.test('without an SOA each name with records is a zone', async (t) => {
  t.match(ask('alone.example2.', 'AAAA'), { status: 'NOERROR', flags: 'aa rd', authority: [] })
  t.match(ask('x.alone.example2.', 'A'), { status: 'NXDOMAIN', flags: 'aa rd', authority: [] })
  for (const name of ['other.example2.', 'example2.', 'example.', '.'])
    t.match(ask(name, 'A'), { status: 'REFUSED', flags: 'rd', answer: [], authority: [] }, name)
})

t.test('aliases are followed', async (t) => {
  t.strictSame(ask('ftp.test.', 'TXT').answer, [
    'ftp.test 60 www.test',
    'www.test 60 Web.test',
    'Web.test 60 hello',
  ])
  t.strictSame(ask('ftp.test.', 'CNAME').answer, ['ftp.test 60 www.test'])
  t.match(ask('ftp.test.', 'AAAA'), { status: 'NOERROR', answer: { length: 2 }, authority: [SOA] })
  t.match(ask('out.test.', 'A'), {
    status: 'NOERROR',
    flags: 'aa rd',
    answer: ['out.test 60 www.example'],
    authority: [],
  })
  t.match(ask('gone.test.', 'A'), { status: 'NXDOMAIN', answer: { length: 1 }, authority: [SOA] })
  t.match(ask('loop1.test.', 'A'), { status: 'SERVFAIL', answer: { length: 2 } })
  const chain = zoneOf(Array.from({ length: 100 }, (_, n) => `n${n}. CNAME n${n + 1}.`).join('\n'))
  t.match(ask('n0.', 'A', {}, TCP, chain).answer.length, 17)
})

t.test('wildcards', async (t) => {
  t.strictSame(ask('x.apps.test.', 'A').answer, ['x.apps.test 60 10.0.0.5'])
  t.strictSame(ask('x.y.apps.test.', 'A').answer, ['x.y.apps.test 60 10.0.0.5'])
  t.match(ask('x.apps.test.', 'AAAA'), { status: 'NOERROR', answer: [], authority: [SOA] })
  t.match(ask('own.apps.test.', 'A'), { status: 'NOERROR', answer: [] }, 'a name that exists is none of its')
  t.match(ask('x.own.apps.test.', 'A'), { status: 'NXDOMAIN' }, 'nor what is below it')
  t.match(ask('apps.test.', 'A'), { status: 'NOERROR', answer: [] })
  t.strictSame(ask('*.apps.test.', 'A').answer, ['*.apps.test 60 10.0.0.5'])
  t.match(ask('x.alias.test.', 'TXT').answer, ['x.alias.test 60 web.test', 'web.test 60 hello'])
  t.match(ask('x.wild.example2.', 'A'), { status: 'NOERROR', answer: { length: 1 } }, 'without an SOA, too')
})

t.test('what is delegated is told where it is', async (t) => {
  for (const name of ['sub.test.', 'x.sub.test.', 'ns.sub.test.'])
    t.match(ask(name, 'A'), {
      status: 'NOERROR',
      flags: 'rd',
      answer: [],
      authority: ['sub.test 60 ns.sub.test', 'sub.test 60 ns.elsewhere'],
      additional: ['ns.sub.test 60 10.0.0.54', 'ns.sub.test 60 fd00::54'],
    })
  t.match(ask('test.', 'NS'), {
    flags: 'aa rd',
    answer: ['test 300 ns.test'],
    additional: ['ns.test 300 10.0.0.53'],
  })
})

t.test('EDNS', async (t) => {
  t.match(ask('web.test.', 'A', { size: 4096 }), { status: 'NOERROR', opt: true })
  t.match(ask('nothing.example.', 'A', { size: 4096 }), { status: 'REFUSED', opt: true })
  const cookie = Buffer.concat([words(10, 8), Buffer.alloc(8)])
  t.match(ask('web.test.', 'A', { size: 1232, options: cookie }), { status: 'NOERROR', opt: true })
  const bad = answer(ZONE, query('web.test.', 'A', { size: 1232, version: 1 }), UDP)
  t.equal(
    bad?.subarray(-11).toString('hex'),
    '00002904d0010000000000',
    'BADVERS, and the version that we speak',
  )
  t.match(read(bad)?.answer, [])
  const secure = answer(ZONE, query('web.test.', 'A', { size: 1232, dnssecOk: true }), UDP)
  t.equal(secure?.subarray(-11).toString('hex'), '00002904d0000080000000', 'DO comes back')
})

t.test('an answer is no longer than the client takes, nor than travels in one piece', async (t) => {
  const many = (count: number): Zone =>
    zoneOf(Array.from({ length: count }, (_, n) => `a.test. A 10.0.${n >> 8}.${n & 255}`).join('\n'))
  const sizes: [QueryOptions, number][] = [
    [{}, 512],
    [{ size: 0 }, 512],
    [{ size: 600 }, 600],
    [{ size: 1232 }, 1232],
    [{ size: 65_535 }, 1232],
  ]
  for (const [options, most] of sizes) {
    const overhead = 12 + 12 + (options.size === undefined ? 0 : 11)
    const fitting = Math.floor((most - overhead) / 16)
    const whole = answer(many(fitting), query('a.test.', 'A', options), UDP)
    t.equal(whole?.length, overhead + 16 * fitting)
    t.match(read(whole), { flags: 'aa rd', answer: { length: fitting } })
    const cut = answer(many(fitting + 1), query('a.test.', 'A', options), UDP)
    t.equal(cut?.length, overhead)
    t.match(read(cut), { status: 'NOERROR', flags: 'aa tc rd', answer: [], opt: options.size !== undefined })
    t.match(ask('a.test.', 'A', options, TCP, many(fitting + 1)), {
      flags: 'aa rd',
      answer: { length: fitting + 1 },
    })
  }
})

t.test('a set that fits in no answer can not be set; one that just fits is answered over TCP', async (t) => {
  const zone = zoneOf('')
  const strings = Array.from({ length: 254 }, () => 'x'.repeat(255)).join(' ')
  zone.add(parseRecord(`a.test. TXT ${strings}`))
  t.equal(answer(zone, query('a.test.', 'TXT', { size: 512 }), TCP)?.length, 12 + 12 + 12 + 254 * 256 + 11)
  t.throws(() => zone.add(parseRecord(`a.test. TXT "${'y'.repeat(250)}"`)), { code: 'EMSGSIZE' })
  t.equal(zone.sets('\x01a\x04test\0')?.get(16)?.records.length, 1, 'and nothing has changed')
})

t.test('names are compressed where others expect it', async (t) => {
  const zone = zoneOf(
    'a.test. MX 10 mx.a.test.\na.test. MX 20 MX.other.test.\na.test. MX 30 x.mx.a.test.\na.test. SRV 1 2 3 mx.a.test.',
  )
  const mx = answer(zone, query('a.test.', 'MX'), UDP)
  t.equal(
    mx?.subarray(24).toString('hex'),
    [
      'c00c000f000100000e100007000a026d78c00c',
      'c00c000f000100000e10000d0014024d58056f74686572c00e',
      'c00c000f000100000e100006001e0178c026',
    ].join(''),
  )
  t.equal(answer(zone, query('a.test.', 'SRV'), UDP)?.subarray(-11).toString('hex'), '026d780161047465737400')
  t.strictSame(read(answer(zoneOf('. A 1.2.3.4'), query('.', 'A'), UDP))?.answer, [' 3600 1.2.3.4'])
})

t.test('what is refused', async (t) => {
  for (const type of [251, 252]) t.match(ask('test.', type), { status: 'REFUSED', answer: [] }, 'transfers')
  t.match(ask('web.test.', 'A', { class: 3 }), { status: 'REFUSED' })
  t.match(ask('web.test.', 'A', { class: 255 }), { status: 'NOERROR', answer: { length: 3 } })
  t.match(ask('web.test.', 41), { status: 'FORMERR' })
  t.match(ask('web.test.', 65_000), { status: 'NOERROR', answer: [] })
  for (const opcode of [1, 2, 4, 5, 6, 15])
    t.match(
      ask('web.test.', 'A', { flags: opcode << 11 }),
      { status: 'NOTIMP', answer: [] },
      `opcode ${opcode}`,
    )
})

t.test('what is malformed', async (t) => {
  const good = query('web.test.', 'A', { size: 1232 })
  const patched = (at: number, ...bytes: number[]): Buffer => {
    const copy = Buffer.from(good)
    copy.set(bytes, at)
    return copy
  }
  const say = (message: Buffer): string | undefined => read(answer(ZONE, message, UDP))?.status
  t.equal(say(good), 'NOERROR')
  t.equal(say(patched(2, 0x80)), undefined, 'an answer is not answered')
  t.equal(say(good.subarray(0, 11)), undefined, 'nor what has no header')
  const malformed: [Buffer, string][] = [
    [patched(4, 0, 0), 'no question'],
    [patched(4, 0, 2), 'several questions'],
    [patched(4, 255, 255, 255, 255, 255, 255, 255, 255), 'as many of everything as can be said'],
    [patched(6, 0, 1), 'an answer behind the question'],
    [patched(8, 0, 1), 'an authority behind the question'],
    [patched(10, 0, 2), 'one record less than is said'],
    [patched(10, 255, 255), 'a great many records'],
    [patched(12, 0xc0, 12), 'a name that points to itself'],
    [patched(12, 64), 'a label of 64 bytes'],
    [patched(12, 63), 'a label that is longer than the message'],
    [good.subarray(0, 12), 'a header alone'],
    [good.subarray(0, 20), 'half a name'],
    [good.subarray(0, 24), 'half a question'],
    [good.subarray(0, good.length - 1), 'half an OPT record'],
    [patched(good.length - 2, 0, 1), 'an OPT record that is longer than the message'],
    [Buffer.concat([patched(10, 0, 2), good.subarray(-11)]), 'two OPT records'],
    [
      Buffer.concat([good.subarray(0, 26), Buffer.of(1, 0x61), good.subarray(26)]),
      'an OPT record that has a name',
    ],
  ]
  for (const [message, what] of malformed) t.equal(say(message), 'FORMERR', what)
  for (const [message, what] of malformed)
    t.ok((answer(ZONE, message, UDP)?.length ?? 0) <= message.length, `${what}: the answer is no longer`)
  const long = Buffer.concat([
    words(1, 0, 1, 0, 0, 0),
    ...Array.from({ length: 5 }, () => Buffer.concat([Buffer.of(63), Buffer.alloc(63, 0x61)])),
    Buffer.of(0),
    words(1, 1),
  ])
  t.equal(say(long), 'FORMERR', 'a name of more than 255 bytes')
})
