/** The sentences of docs/semantics.md on nameservers. dig asks, as anybody would. */

import { addressesIn, flood } from '../flood.ts'
import { query } from '../node/element/nameserver/message.ts'
import { inEachPlace, type Place } from './place.ts'

const addressOf = async (place: Place, anchor: string): Promise<string> =>
  (JSON.parse(await place.read(`${anchor}/peek`)) as { Address: string }).Address

/** What dig prints, asked for `words`, and for no more than the answer unless these say so. */
async function dig(place: Place, anchor: string, words: string): Promise<string> {
  const [host = '', port = ''] = (await addressOf(place, anchor)).split(':')
  return place.print(`dig @${host} -p ${port} +norecurse +noall +answer ${words}`)
}

/** dig's records with one space between fields, sorted. */
const records = async (place: Place, anchor: string, words: string): Promise<string[]> =>
  (await dig(place, anchor, words))
    .split('\n')
    .filter((line) => line && !line.startsWith(';'))
    .map((line) => line.replace(/\s+/g, ' '))
    .sort()

/** The status of dig's answer. */
const status = async (place: Place, anchor: string, words: string): Promise<string> =>
  /status: (\w+)/.exec(await dig(place, anchor, `${words} +comments`))?.[1] ?? 'none'

const lines = (...commands: string[]): string => commands.map((command) => `${command}\n`).join('')

inEachPlace((sentence) => {
  sentence('N1 mkdns serves DNS over UDP and TCP, where peek says', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    t.match(await addressOf(place, anchor), /^127\.0\.0\.1:\d+$/)
    await place.command(anchor, 'set a.test. 60 IN A 10.0.0.1')
    for (const over of ['+notcp', '+tcp'])
      t.strictSame(await records(place, anchor, `a.test. A ${over}`), ['a.test. 60 IN A 10.0.0.1'])
    t.match(await place.sh('ls "$A"', { A: anchor }), { stdout: 'ctl\nerror\nhelp\npeek\nrecords\n' })
  })

  sentence('N1 N2 mkdns with an address', async (t, place) => {
    const first = await place.anchor('mkdns 127.0.0.1')
    const address = await addressOf(place, first)
    t.match(address, /^127\.0\.0\.1:\d+$/)
    const second = await place.anchor()
    t.equal(await place.command(second, `mkdns ${address}`), 'EADDRINUSE')
    t.equal(await place.command(second, 'mkdns 192.0.2.1:0'), 'EADDRNOTAVAIL')
    for (const wrong of [
      'localhost',
      '127.0.0.1:x',
      '127.0.0.1:65536',
      '127.0.0.256:1',
      '1 2',
      '{"Port":53}',
    ])
      t.equal(await place.command(second, `mkdns ${wrong}`), 'EINVAL', wrong)
    t.equal(await place.read(`${second}/peek`), 'null\n')
    await place.command(first, 'scrub')
    t.equal(await place.command(second, `mkdns ${address}`), 'ok', 'a scrubbed one has gone')
    t.equal(await addressOf(place, second), address)
    t.equal(await place.command(first, `mkdns {"Address":"[::1]:0"}`), 'ok')
    t.match(await addressOf(place, first), /^\[::1\]:\d+$/)
  })

  sentence('N3 set takes a record in one word or in several', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    const commands = lines(
      'set "a.test. 60 IN A 10.0.0.1"',
      'set b.test 60 A 10.0.0.2',
      'set c.test. in a 10.0.0.3',
      `set 'd.test. TXT "two words" "a;b"'`,
      'set e.test. TXT "two words" a;b',
      'set {}',
    )
    t.equal(await place.command(anchor, commands), 'EINVAL')
    for (const [question, answer] of [
      ['a.test. A', 'a.test. 60 IN A 10.0.0.1'],
      ['b.test. A', 'b.test. 60 IN A 10.0.0.2'],
      ['c.test. A', 'c.test. 3600 IN A 10.0.0.3'],
      ['d.test. TXT', 'd.test. 3600 IN TXT "two words" "a;b"'],
      ['e.test. TXT', 'e.test. 3600 IN TXT "two words" "a;b"'],
    ] as const)
      t.strictSame(await records(place, anchor, question), [answer])
  })

  sentence('N4 Types that are known, and others by number', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    const all = [
      'a.test. 60 IN A 10.0.0.1',
      'a.test. 60 IN AAAA 2001:db8::1',
      'a.test. 60 IN NS ns.test.',
      'a.test. 60 IN PTR b.test.',
      'a.test. 60 IN MX 10 mx.test.',
      'a.test. 60 IN TXT "text"',
      'a.test. 60 IN SRV 1 2 3 srv.test.',
      'a.test. 60 IN SOA ns.test. me.test. 1 2 3 4 5',
      'a.test. 60 IN CAA 0 issue "ca.test"',
      'a.test. 60 IN NAPTR 1 2 "u" "sip+E2U" "!^.*$!sip:i@a!" .',
      'a.test. 60 IN TYPE65534 \\# 3 ABCDEF',
      'b.test. 60 IN CNAME a.test.',
    ]
    t.equal(await place.command(anchor, lines(...all.map((record) => `set '${record}'`))), 'ok')
    t.strictSame(
      [
        ...(await records(place, anchor, 'a.test. ANY')),
        ...(await records(place, anchor, 'b.test. CNAME')),
      ].sort(),
      [...all].sort(),
    )
  })

  sentence('N5 A record that is not understood is EINVAL, and error names the column', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    for (const [record, reason] of [
      ['a.test. MX ten mx.test.', /column 12: ten is not a number/],
      ['a.test. A 10.0.0.256', /column 11: 10\.0\.0\.256 is not an IPv4 address/],
      ['a.test. SOA ns.test. me.test. ( 1 2 3 4 5 )', /column 31: a record is one line here/],
      ['@ A 10.0.0.1', /column 1: @ stands for/],
      ['a.test. CH A 10.0.0.1', /column 9: CH is no class/],
      ['a.test.', /column 8: the type is missing/],
    ] as const) {
      t.equal(await place.command(anchor, `set ${record}`), 'EINVAL', record)
      t.match(await place.read(`${anchor}/error`), reason)
    }
    t.match(JSON.parse(await place.read(`${anchor}/peek`)), { Records: {} })
  })

  sentence('N6 What a record gives way to', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    await place.command(anchor, lines('set a.test. 60 A 10.0.0.1', 'set A.TEST. 30 A 10.0.0.1'))
    t.strictSame(await records(place, anchor, 'a.test. A'), ['a.test. 30 IN A 10.0.0.1'])
    t.equal(await place.command(anchor, 'set a.test. CNAME b.test.'), 'EEXIST')
    await place.command(anchor, lines('set c.test. CNAME a.test.', 'set c.test. CNAME b.test.'))
    t.strictSame(await records(place, anchor, 'c.test. CNAME'), ['c.test. 3600 IN CNAME b.test.'])
    t.equal(await place.command(anchor, 'set c.test. TXT x'), 'EEXIST')
    await place.command(anchor, lines('set a.test. SOA a. b. 1 1 1 1 1', 'set a.test. SOA a. b. 2 1 1 1 1'))
    t.strictSame(await records(place, anchor, 'a.test. SOA'), ['a.test. 3600 IN SOA a. b. 2 1 1 1 1'])
  })

  sentence('N7 unset takes away all records of a name', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    await place.command(
      anchor,
      lines('set a.test. A 10.0.0.1', 'set a.test. MX 1 b.test.', 'set b.test. A 10.0.0.2'),
    )
    t.equal(await place.command(anchor, 'unset A.Test'), 'ok')
    t.strictSame(await records(place, anchor, 'a.test. ANY'), [])
    t.strictSame(await records(place, anchor, 'b.test. A'), ['b.test. 3600 IN A 10.0.0.2'])
    t.equal(await place.command(anchor, 'unset a.test.'), 'ENOENT')
    t.equal(await place.command(anchor, 'unset'), 'EINVAL')
  })

  sentence('N8 N9 peek and records show what is set', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    const address = await addressOf(place, anchor)
    t.equal(await place.read(`${anchor}/peek`), `{\n\t"Address": "${address}",\n\t"Records": {}\n}\n`)
    await place.command(
      anchor,
      lines(
        'set "miek.nl. 3600 IN MX 10 mx.miek.nl."',
        'set miek.nl. MX 20 mx2.miek.nl.',
        'set Two.nl A 10.0.0.1',
      ),
    )
    t.equal(
      await place.read(`${anchor}/peek`),
      `{
	"Address": "${address}",
	"Records": {
		"miek.nl.": [
			"miek.nl.\\t3600\\tIN\\tMX\\t10 mx.miek.nl.",
			"miek.nl.\\t3600\\tIN\\tMX\\t20 mx2.miek.nl."
		],
		"Two.nl.": [
			"Two.nl.\\t3600\\tIN\\tA\\t10.0.0.1"
		]
	}
}
`,
    )
    t.equal(
      await place.read(`${anchor}/records`),
      'miek.nl.\t3600\tIN\tMX\t10 mx.miek.nl.\nmiek.nl.\t3600\tIN\tMX\t20 mx2.miek.nl.\nTwo.nl.\t3600\tIN\tA\t10.0.0.1\n',
    )
  })

  sentence('N10 Under full load each answer is the state before a write or behind it', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    const states = [
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
      ['10.0.1.1', '10.0.1.2'],
    ]
    const commands = states.map((state) =>
      lines('unset a.test.', ...state.map((ip) => `set a.test. A ${ip}`)),
    )
    t.equal(await place.command(anchor, (commands[0] ?? '').replace('unset a.test.\n', '')), 'ok')
    const seen = new Map<string, number>()
    const { stop } = flood(await addressOf(place, anchor), query('a.test.', 'A'), (answer) => {
      const what = addressesIn(answer).join(' ')
      seen.set(what, (seen.get(what) ?? 0) + 1)
    })
    for (let n = 1; n <= 200; n++) {
      const outcome = await place.command(anchor, commands[n % 2] ?? '')
      if (outcome !== 'ok') t.fail(`write ${n}: ${outcome}`)
      // What has returned has happened.
      if (n % 50 === 0)
        t.strictSame(await records(place, anchor, 'a.test. A +short'), states[n % 2], 'no update is lost')
    }
    const answers = await stop()
    t.ok(answers > 500, `${answers} answers`)
    t.strictSame(
      [...seen.keys()].sort(),
      states.map((state) => state.join(' ')).sort(),
      'nothing between is seen',
    )
  })

  sentence('N11 What is answered', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    await place.command(
      anchor,
      lines(
        'set a.test. 60 A 10.0.0.1',
        'set a.test. 60 A 10.0.0.2',
        'set a.test. 60 TXT hello',
        'set www.test. 60 CNAME a.test.',
        'set *.apps.test. 60 A 10.0.0.3',
      ),
    )
    const addresses = ['a.test. 60 IN A 10.0.0.1', 'a.test. 60 IN A 10.0.0.2']
    t.strictSame(await records(place, anchor, 'a.test. A'), addresses)
    t.strictSame(await records(place, anchor, 'A.tEst. TXT'), ['A.tEst. 60 IN TXT "hello"'])
    t.strictSame(await records(place, anchor, 'a.test. ANY'), [...addresses, 'a.test. 60 IN TXT "hello"'])
    t.strictSame(await records(place, anchor, 'www.test. A'), [...addresses, 'www.test. 60 IN CNAME a.test.'])
    t.strictSame(await records(place, anchor, 'any.apps.test. A'), ['any.apps.test. 60 IN A 10.0.0.3'])
    t.match(await dig(place, anchor, 'a.test. A +comments'), /flags: qr aa;/)
  })

  sentence('N12 Records take turns in being the first', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    await place.command(anchor, lines('set a. A 10.0.0.1', 'set a. A 10.0.0.2', 'set a. A 10.0.0.3'))
    const firsts = []
    for (let n = 0; n < 6; n++) firsts.push((await dig(place, anchor, 'a. A +short')).split('\n')[0]?.at(-1))
    t.equal(firsts.join(''), '123123')
  })

  sentence('N13 What there is not', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    await place.command(
      anchor,
      lines('set zone. SOA ns. me. 1 2 3 4 5', 'set a.zone. A 10.0.0.1', 'set lone.example. A 10.0.0.2'),
    )
    const soa = ['zone. 5 IN SOA ns. me. 1 2 3 4 5']
    t.equal(await status(place, anchor, 'nothing.zone. A'), 'NXDOMAIN')
    t.strictSame(await records(place, anchor, 'nothing.zone. A +authority'), soa)
    t.equal(await status(place, anchor, 'a.zone. AAAA'), 'NOERROR')
    t.strictSame(await records(place, anchor, 'a.zone. AAAA +authority'), soa)
    t.equal(await status(place, anchor, 'lone.example. AAAA'), 'NOERROR')
    t.equal(await status(place, anchor, 'below.lone.example. A'), 'NXDOMAIN')
    t.equal(await status(place, anchor, 'other.example. A'), 'REFUSED')
    t.equal(await status(place, anchor, 'elsewhere. A'), 'REFUSED')
  })

  sentence('N14 N17 Long answers', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    await place.command(anchor, lines(...Array.from({ length: 100 }, (_, n) => `set a.test. A 10.0.0.${n}`)))
    for (const [size, count] of [
      ['+noedns', 0],
      ['+bufsize=4096', 0],
      ['+tcp', 100],
    ] as const)
      t.equal((await records(place, anchor, `a.test. A +ignore ${size}`)).length, count, size)
    t.match(await dig(place, anchor, 'a.test. A +ignore +comments'), /flags: qr aa tc;/)
    t.equal((await records(place, anchor, 'a.test. A')).length, 100, 'a client asks again over TCP')
    const long = `set a.test. TXT ${`"${'x'.repeat(255)}" `.repeat(200)}`
    t.equal(await place.command(anchor, long), 'ok')
    t.equal(await place.command(anchor, long.replaceAll('x', 'y')), 'EMSGSIZE')
  })

  sentence('N15 With Circuit the servers of the circuit have names', async (t, place) => {
    const anchor = await place.anchor('mkdns {"Circuit":"Circuit.local"}')
    const id = place.server.split('/').at(-1)
    const { Name } = JSON.parse(await place.read(`${place.server}/peek`)) as { Name: string }
    for (const name of [Name, id])
      t.strictSame(await records(place, anchor, `${name}.circuit.local. A +short`), ['127.0.0.1'])
    t.ok((await records(place, anchor, 'circuit.local. A +short')).includes('127.0.0.1'))
    t.equal(await status(place, anchor, 'nobody.circuit.local. A'), 'NXDOMAIN')
    t.match(await place.read(`${anchor}/peek`), /"Circuit": "Circuit\.local\."/)
    t.match(await place.read(`${anchor}/records`), `${Name}.Circuit.local.\t5\tIN\tA\t127.0.0.1\n`)
    t.equal(await place.command(anchor, `set ${Name}.circuit.local. 60 A 10.0.0.1`), 'ok')
    t.strictSame(await records(place, anchor, `${Name}.circuit.local. A +short`), ['10.0.0.1'])
    t.equal(await place.command(anchor, `unset ${Name}.circuit.local.`), 'ok')
    t.strictSame(await records(place, anchor, `${Name}.circuit.local. A +short`), ['127.0.0.1'])
  })

  sentence('T12 N16 A nameserver is alive until it is scrubbed', async (t, place) => {
    const anchor = await place.anchor('mkdns')
    const address = await addressOf(place, anchor)
    t.match(await place.sh('rmdir "$A"', { A: anchor }), { stderr: /busy/ })
    await place.command(anchor, 'scrub')
    const other = await place.anchor()
    t.equal(await place.command(other, `mkdns ${address}`), 'ok', 'its address is free')
    t.match(await place.sh('rmdir "$A"', { A: anchor }), { status: 0 })
  })
})
