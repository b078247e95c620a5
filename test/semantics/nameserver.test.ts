/** The sentences of docs/semantics.md on nameservers. dig asks, as anybody would. */

import { fileURLToPath } from 'node:url'
import { inEachPlace, type Place } from './place.ts'

const FLOOD = fileURLToPath(new URL('../flood.js', import.meta.url))

/** A nameserver, and those who ask it. */
interface Served {
  readonly anchor: string
  /** HOST:PORT */
  readonly address: string
  readonly host: string
  /** Writes commands, one a line, with one write(2); gives 'ok' or the errno. */
  run(...commands: string[]): Promise<string>
  /** What dig prints, asked for `words`, and for no more than the answer unless these say so. */
  dig(words: string): Promise<string>
  /** dig's records with one space between fields, sorted. */
  records(words: string): Promise<string[]>
  /** The status of dig's answer. */
  status(words: string): Promise<string>
}

/** Makes a nameserver, and runs commands on it. */
async function serve(place: Place, make = 'mkdns', ...first: string[]): Promise<Served> {
  const anchor = await place.anchor(make)
  const address = await addressOf(place, anchor)
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? []
  const run = (...commands: string[]): Promise<string> => place.command(anchor, lines(...commands))
  const dig = (words: string): Promise<string> =>
    place.print(`dig @${host} -p ${port} +tries=5 +norecurse +noall +answer ${words}`)
  if (first.length > 0 && (await run(...first)) !== 'ok') throw new Error(await place.read(`${anchor}/error`))
  return {
    anchor,
    address,
    host,
    run,
    dig,
    async records(words) {
      const printed = (await dig(words)).split('\n').filter((line) => line && !line.startsWith(';'))
      return printed.map((line) => line.replace(/\s+/g, ' ')).sort()
    },
    async status(words) {
      return /status: (\w+)/.exec(await dig(`${words} +comments`))?.[1] ?? 'none'
    },
  }
}

const addressOf = async (place: Place, anchor: string): Promise<string> =>
  (JSON.parse(await place.read(`${anchor}/peek`)) as { Address: string }).Address

const lines = (...commands: string[]): string => commands.map((command) => `${command}\n`).join('')

inEachPlace((sentence) => {
  sentence('N1 mkdns serves DNS over UDP and TCP, where peek says', async (t, place) => {
    const { anchor, host, records } = await serve(place, 'mkdns', 'set a.test. 60 IN A 10.0.0.1')
    const { Addr } = JSON.parse(await place.read(`${place.server}/peek`)) as { Addr: string }
    t.match(Addr, `//${host}:`, 'the address at which its server is reached')
    for (const over of ['+notcp', '+tcp'])
      t.strictSame(await records(`a.test. A ${over}`), ['a.test. 60 IN A 10.0.0.1'])
    t.match(await place.sh('ls "$A"', { A: anchor }), { stdout: 'ctl\nerror\nhelp\npeek\nrecords\n' })
  })

  sentence('N1 N2 mkdns with an address', async (t, place) => {
    const { anchor: first, address, run } = await serve(place, 'mkdns 127.0.0.1')
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
    await run('scrub')
    t.equal(await place.command(second, `mkdns ${address}`), 'ok', 'a scrubbed one has gone')
    t.equal(await addressOf(place, second), address)
    t.equal(await place.command(first, 'mkdns {"Address":"[::1]:0"}'), 'ok')
    t.match(await addressOf(place, first), /^\[::1\]:\d+$/)
  })

  sentence('N3 set takes a record in one word or in several', async (t, place) => {
    const { run, records } = await serve(place)
    const commands = [
      'set "a.test. 60 IN A 10.0.0.1"',
      'set b.test 60 A 10.0.0.2',
      'set c.test. in a 10.0.0.3',
      `set 'd.test. TXT "two words" "a;b"'`,
      'set e.test. TXT "two words" a;b',
      'set {}',
    ]
    t.equal(await run(...commands), 'EINVAL')
    for (const [question, answer] of [
      ['a.test. A', 'a.test. 60 IN A 10.0.0.1'],
      ['b.test. A', 'b.test. 60 IN A 10.0.0.2'],
      ['c.test. A', 'c.test. 3600 IN A 10.0.0.3'],
      ['d.test. TXT', 'd.test. 3600 IN TXT "two words" "a;b"'],
      ['e.test. TXT', 'e.test. 3600 IN TXT "two words" "a;b"'],
    ] as const)
      t.strictSame(await records(question), [answer])
  })

  sentence('N4 Types that are known, and others by number', async (t, place) => {
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
    const { records } = await serve(place, 'mkdns', ...all.map((record) => `set '${record}'`))
    t.strictSame(
      [...(await records('a.test. ANY')), ...(await records('b.test. CNAME'))].sort(),
      [...all].sort(),
    )
  })

  sentence('N5 A record that is not understood is EINVAL, and error names the column', async (t, place) => {
    const { anchor, run } = await serve(place)
    for (const [record, reason] of [
      ['a.test. MX ten mx.test.', /column 12: ten is not a number/],
      ['a.test. A 10.0.0.256', /column 11: 10\.0\.0\.256 is not an IPv4 address/],
      ['a.test. SOA ns.test. me.test. ( 1 2 3 4 5 )', /column 31: a record is one line here/],
      ['@ A 10.0.0.1', /column 1: @ stands for/],
      ['a.test. CH A 10.0.0.1', /column 9: CH is no class/],
      ['a.test.', /column 8: the type is missing/],
    ] as const) {
      t.equal(await run(`set ${record}`), 'EINVAL', record)
      t.match(await place.read(`${anchor}/error`), reason)
    }
    t.match(JSON.parse(await place.read(`${anchor}/peek`)), { Records: {} })
  })

  sentence('N6 What a record gives way to', async (t, place) => {
    const { run, records } = await serve(
      place,
      'mkdns',
      'set a.test. 60 A 10.0.0.1',
      'set A.TEST. 30 A 10.0.0.1',
    )
    t.strictSame(await records('a.test. A'), ['a.test. 30 IN A 10.0.0.1'])
    t.equal(await run('set a.test. CNAME b.test.'), 'EEXIST')
    await run('set c.test. CNAME a.test.', 'set c.test. CNAME b.test.')
    t.strictSame(await records('c.test. CNAME'), ['c.test. 3600 IN CNAME b.test.'])
    t.equal(await run('set c.test. TXT x'), 'EEXIST')
    await run('set a.test. SOA a. b. 1 1 1 1 1', 'set a.test. SOA a. b. 2 1 1 1 1')
    t.strictSame(await records('a.test. SOA'), ['a.test. 3600 IN SOA a. b. 2 1 1 1 1'])
  })

  sentence('N7 unset takes away all records of a name', async (t, place) => {
    const commands = ['set a.test. A 10.0.0.1', 'set a.test. MX 1 b.test.', 'set b.test. A 10.0.0.2']
    const { run, records } = await serve(place, 'mkdns', ...commands)
    t.equal(await run('unset A.Test'), 'ok')
    t.strictSame(await records('a.test. ANY'), [])
    t.strictSame(await records('b.test. A'), ['b.test. 3600 IN A 10.0.0.2'])
    t.equal(await run('unset a.test.'), 'ENOENT')
    t.equal(await run('unset'), 'EINVAL')
  })

  sentence('N8 N9 peek and records show what is set', async (t, place) => {
    const { anchor, address, run } = await serve(place)
    t.equal(await place.read(`${anchor}/peek`), `{\n\t"Address": "${address}",\n\t"Records": {}\n}\n`)
    await run(
      'set "miek.nl. 3600 IN MX 10 mx.miek.nl."',
      'set miek.nl. MX 20 mx2.miek.nl.',
      'set Two.nl A 10.0.0.1',
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
    const states = [
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
      ['10.0.1.1', '10.0.1.2'],
    ]
    const setting = states.map((state) => state.map((ip) => `set a.test. A ${ip}`))
    const { address, run, records } = await serve(place, 'mkdns', ...(setting[0] ?? []))
    const flood = place.print(`exec "$NODE" "${FLOOD}" ${address} a.test 1500`, { NODE: process.execPath })
    let flooding = true
    const ended = flood.finally(() => {
      flooding = false
    })
    let writes = 0
    for (; flooding || writes < 20; writes++) {
      const next = (writes + 1) % 2
      const outcome = await run('unset a.test.', ...(setting[next] ?? []))
      if (outcome !== 'ok') t.fail(`write ${writes}: ${outcome}`)
      if (writes < 5)
        t.strictSame(await records('a.test. A +short'), states[next], 'what has returned has happened')
    }
    t.strictSame(await records('a.test. A +short'), states[writes % 2], 'the last write counts')
    const { answers, seen } = JSON.parse(await ended) as { answers: number; seen: Record<string, number> }
    t.ok(answers > 200, `${answers} answers, ${writes} writes`)
    t.strictSame(
      Object.keys(seen).sort(),
      states.map((state) => state.join(' ')),
      'nothing between is seen',
    )
    const many = Array.from({ length: 20 }, (_, n) => `10.0.2.${100 + n}`)
    t.strictSame(await Promise.all(many.map((ip) => run(`set b.test. A ${ip}`))), Array(20).fill('ok'))
    t.strictSame(await records('b.test. A +short'), many, 'of many writers at once each has its say')
  })

  sentence('N11 What is answered', async (t, place) => {
    const { dig, records } = await serve(
      place,
      'mkdns',
      'set a.test. 60 A 10.0.0.1',
      'set a.test. 60 A 10.0.0.2',
      'set a.test. 60 TXT hello',
      'set www.test. 60 CNAME a.test.',
      'set *.apps.test. 60 A 10.0.0.3',
    )
    const addresses = ['a.test. 60 IN A 10.0.0.1', 'a.test. 60 IN A 10.0.0.2']
    t.strictSame(await records('a.test. A'), addresses)
    t.strictSame(await records('A.tEst. TXT'), ['A.tEst. 60 IN TXT "hello"'])
    t.strictSame(await records('a.test. ANY'), [...addresses, 'a.test. 60 IN TXT "hello"'])
    t.strictSame(await records('www.test. A'), [...addresses, 'www.test. 60 IN CNAME a.test.'])
    t.strictSame(await records('any.apps.test. A'), ['any.apps.test. 60 IN A 10.0.0.3'])
    t.match(await dig('a.test. A +comments'), /flags: qr aa;/)
  })

  sentence('N12 Records take turns in being the first', async (t, place) => {
    const { dig } = await serve(place, 'mkdns', 'set a. A 10.0.0.1', 'set a. A 10.0.0.2', 'set a. A 10.0.0.3')
    const firsts = []
    // Over TCP: nothing is asked twice because an answer was lost.
    for (let n = 0; n < 6; n++) firsts.push((await dig('a. A +short +tcp')).split('\n')[0]?.at(-1))
    t.equal(firsts.join(''), '123123')
  })

  sentence('N13 What there is not', async (t, place) => {
    const { status, records } = await serve(
      place,
      'mkdns',
      'set zone. SOA ns. me. 1 2 3 4 5',
      'set a.zone. A 10.0.0.1',
      'set lone.example. A 10.0.0.2',
    )
    const soa = ['zone. 5 IN SOA ns. me. 1 2 3 4 5']
    t.equal(await status('nothing.zone. A'), 'NXDOMAIN')
    t.strictSame(await records('nothing.zone. A +authority'), soa)
    t.equal(await status('a.zone. AAAA'), 'NOERROR')
    t.strictSame(await records('a.zone. AAAA +authority'), soa)
    t.equal(await status('lone.example. AAAA'), 'NOERROR')
    t.equal(await status('below.lone.example. A'), 'NXDOMAIN')
    t.equal(await status('other.example. A'), 'REFUSED')
    t.equal(await status('elsewhere. A'), 'REFUSED')
  })

  sentence('N14 N17 Long answers', async (t, place) => {
    const many = Array.from({ length: 100 }, (_, n) => `set a.test. A 10.0.0.${n}`)
    const { run, dig, records } = await serve(place, 'mkdns', ...many)
    for (const [size, count] of [
      ['+noedns', 0],
      ['+bufsize=4096', 0],
      ['+tcp', 100],
    ] as const)
      t.equal((await records(`a.test. A +ignore ${size}`)).length, count, size)
    t.match(await dig('a.test. A +ignore +comments'), /flags: qr aa tc;/)
    t.equal((await records('a.test. A')).length, 100, 'a client asks again over TCP')
    const long = `set a.test. TXT ${`"${'x'.repeat(255)}" `.repeat(200)}`
    t.equal(await run(long), 'ok')
    t.equal(await run(long.replaceAll('x', 'y')), 'EMSGSIZE')
  })

  sentence('N15 With Circuit the servers of the circuit have names', async (t, place) => {
    const { anchor, host, run, records, status } = await serve(place, 'mkdns {"Circuit":"Circuit.local"}')
    const id = place.server.split('/').at(-1)
    const { Name } = JSON.parse(await place.read(`${place.server}/peek`)) as { Name: string }
    for (const name of [Name, id]) t.strictSame(await records(`${name}.circuit.local. A +short`), [host])
    t.ok((await records('circuit.local. A +short')).includes(host))
    t.equal(await status('nobody.circuit.local. A'), 'NXDOMAIN')
    t.match(await place.read(`${anchor}/peek`), /"Circuit": "Circuit\.local\."/)
    t.match(await place.read(`${anchor}/records`), `${Name}.Circuit.local.\t5\tIN\tA\t${host}\n`)
    t.equal(await run(`set ${Name}.circuit.local. 60 A 10.0.0.1`), 'ok')
    t.strictSame(await records(`${Name}.circuit.local. A +short`), ['10.0.0.1'])
    t.equal(await run(`unset ${Name}.circuit.local.`), 'ok')
    t.strictSame(await records(`${Name}.circuit.local. A +short`), [host])
  })

  sentence('T12 N16 A nameserver is alive until it is scrubbed', async (t, place) => {
    const { anchor, address, run } = await serve(place)
    t.match(await place.sh('rmdir "$A"', { A: anchor }), { stderr: /busy/ })
    await run('scrub')
    const other = await place.anchor()
    t.equal(await place.command(other, `mkdns ${address}`), 'ok', 'its address is free')
    t.match(await place.sh('rmdir "$A"', { A: anchor }), { status: 0 })
  })
})
