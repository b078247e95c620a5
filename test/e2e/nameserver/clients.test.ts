/** What programs see that resolve names as they always do: glibc, Node, Python, dig and kdig. And servers that come and go. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Host, network } from '../../network.ts'
import { noMount, until } from '../../server.ts'

/** A resolv.conf, and words that run a command on a host where it is the one in /etc. */
function resolving(t: Test, text: string): (script: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-resolv-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'resolv.conf')
  writeFileSync(file, text)
  return (script) =>
    `exec unshare -m sh -ec 'mount --bind "$0" /etc/resolv.conf; eval "$1"' ${file} '${script}'`
}

/** Makes a nameserver on a host, and sets records. */
async function serve(host: Host, make: string, ...records: string[]): Promise<string> {
  const anchor = await host.server.anchor(make)
  const input = records.map((record) => `set '${record}'\n`).join('')
  const { status, stderr } = await host.run('cat > "$A/ctl"; cat "$A/error" >&2', {
    env: { A: anchor },
    input,
  })
  if (status !== 0) throw new Error(stderr)
  return anchor
}

t.test('resolvers of programs', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 1)
  const [host] = hosts as [Host]
  await serve(
    host,
    'mkdns 127.0.0.1:53',
    'zone.test. SOA ns.zone.test. me.zone.test. 7 3600 600 86400 60',
    'web.zone.test. A 10.0.0.1',
    'web.zone.test. A 10.0.0.2',
    'web.zone.test. AAAA fd00::1',
    'www.zone.test. CNAME web.zone.test.',
    '1.0.0.10.in-addr.arpa. PTR web.zone.test.',
    'zone.test. MX 10 mx.zone.test.',
    'zone.test. TXT "v=spf1 -all" "and more"',
    '_http._tcp.zone.test. SRV 1 2 80 web.zone.test.',
    'zone.test. CAA 0 issue "ca.test"',
    'zone.test. NAPTR 1 2 "u" "sip+E2U" "!^.*$!sip:i@zone!" .',
    ...Array.from({ length: 100 }, (_, n) => `many.zone.test. A 10.0.1.${n}`),
  )
  const within = resolving(t, 'nameserver 127.0.0.1\nsearch zone.test\noptions timeout:5\n')
  const say = async (script: string, program = ''): Promise<string> => {
    const { status, stdout, stderr } = await host.run(within(script), { env: { PROGRAM: program } })
    return status === 0 ? stdout.trim().replace(/ +/g, ' ') : `status ${status} ${stderr}`
  }

  t.strictSame(
    (await say('getent ahostsv4 web.zone.test')).match(/^\S+ STREAM/gm)?.sort(),
    ['10.0.0.1 STREAM', '10.0.0.2 STREAM'],
    'glibc',
  )
  t.match(
    await say('getent ahostsv6 www'),
    /^fd00::1 STREAM web\.zone\.test$/m,
    'by way of search and an alias',
  )
  t.equal(await say('getent hosts 10.0.0.1'), '10.0.0.1 web.zone.test')
  t.match(await say('getent hosts nobody.zone.test'), /^status 2/, 'who is not there')
  t.match((await say('getent ahostsv4 many')).match(/STREAM/g), { length: 100 }, 'by TCP where it has to be')

  const python = 'import socket; print(*sorted({a[4][0] for a in socket.getaddrinfo("www.zone.test", 80)}))'
  t.equal(await say('python3 -c "$PROGRAM"', python), '10.0.0.1 10.0.0.2 fd00::1', 'Python')

  const node = `
    const { promises: dns } = require('dns')
    const z = 'zone.test'
    const code = (error) => error.code
    const all = [
      dns.lookup('web.' + z, { all: true }).then((found) => found.map(({ address }) => address).sort()),
      dns.resolve4('www.' + z).then((found) => found.sort()),
      dns.resolve6('web.' + z),
      dns.resolveCname('www.' + z),
      dns.resolveMx(z),
      dns.resolveTxt(z),
      dns.resolveSrv('_http._tcp.' + z),
      dns.resolveCaa(z),
      dns.resolveNaptr(z),
      dns.resolveSoa(z).then(({ serial }) => serial),
      dns.reverse('10.0.0.1'),
      dns.resolve4('many.' + z).then(({ length }) => length),
      dns.resolve4('nobody.' + z).catch(code),
      dns.resolve6('_http._tcp.' + z).catch(code),
      dns.resolve4('other.example').catch(code),
    ]
    Promise.all(all).then((found) => console.log(JSON.stringify(found)))`
  t.strictSame(JSON.parse(await say(`${process.execPath} -e "$PROGRAM"`, node)), [
    ['10.0.0.1', '10.0.0.2', 'fd00::1'],
    ['10.0.0.1', '10.0.0.2'],
    ['fd00::1'],
    ['web.zone.test'],
    [{ exchange: 'mx.zone.test', priority: 10 }],
    [['v=spf1 -all', 'and more']],
    [{ name: 'web.zone.test', port: 80, priority: 1, weight: 2 }],
    [{ critical: 0, issue: 'ca.test' }],
    [
      {
        flags: 'u',
        service: 'sip+E2U',
        regexp: '!^.*$!sip:i@zone!',
        replacement: '',
        order: 1,
        preference: 2,
      },
    ],
    7,
    ['web.zone.test'],
    100,
    'ENOTFOUND',
    'ENODATA',
    'EREFUSED',
  ])
  for (const dig of ['dig', 'kdig'])
    for (const over of ['+notcp', '+tcp'])
      t.equal(await say(`${dig} +short ${over} zone.test MX`), '10 mx.zone.test.', `${dig} ${over}`)
})

t.test('the circuit by name: who joins, leaves, and is lost', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 3)
  const [one, two, three] = hosts as [Host, Host, Host]
  await serve(one, `mkdns {"Address":"${one.address}:53","Circuit":"circuit.local"}`)
  const within = resolving(t, `nameserver ${one.address}\nsearch circuit.local\n`)
  const resolve = async (name: string): Promise<string> => {
    const { stdout } = await two.run(within(`getent ahostsv4 ${name}`))
    const found = stdout.split('\n').filter((line) => line.includes('STREAM'))
    return found
      .map((line) => line.split(' ')[0])
      .sort()
      .join(' ')
  }
  t.equal(await resolve('h3'), three.address)
  t.equal(await resolve(`${three.id}.circuit.local`), three.address)
  t.equal(await resolve('circuit.local'), [one, two, three].map(({ address }) => address).join(' '))

  await three.server.stop()
  await until(async () => (await resolve('h3')) === '', 30_000)
  t.equal(await resolve('circuit.local'), [one, two].map(({ address }) => address).join(' '), 'one has left')

  await three.start({ args: ['-j', one.url] })
  await until(async () => (await resolve('h3')) === three.address, 30_000)
  t.pass('it is back')

  await three.server.kill()
  await until(async () => (await resolve('h3')) === '', 60_000)
  t.equal(await resolve('h2'), two.address, 'one is lost, the others are there')
})

t.test("the seed's example, by file, beside discovery on the same port", { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 1, { args: ['-discover', '228.8.8.8:7711'] })
  const [host] = hosts as [Host]
  const { status, stdout } = await host.run(`
    mkdir $S/mydns && cd $S/mydns
    echo 'mkdns 127.0.0.1:7711' > ctl
    cat peek
    echo 'set "miek.nl. 3600 IN MX 10 mx.miek.nl."' > ctl
    echo 'set "miek.nl. 3600 IN MX 20 mx2.miek.nl."' > ctl
    cat peek
    dig @127.0.0.1 -p 7711 +short miek.nl MX | sort
    echo 'unset miek.nl.' > ctl
    cat peek
    echo scrub > ctl; cd /; rmdir $S/mydns`)
  const peek = (records: string): string =>
    `{\n\t"Address": "127.0.0.1:7711",\n\t"Records": {${records}}\n}\n`
  const miek = `
		"miek.nl.": [
			"miek.nl.\\t3600\\tIN\\tMX\\t10 mx.miek.nl.",
			"miek.nl.\\t3600\\tIN\\tMX\\t20 mx2.miek.nl."
		]
	`
  t.equal(stdout, `${peek('')}${peek(miek)}10 mx.miek.nl.\n20 mx2.miek.nl.\n${peek('')}`)
  t.equal(status, 0)
})

t.test('docs/nameservers.md does what it says', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 1)
  const [host] = hosts as [Host]
  const text = readFileSync(new URL('../../../../docs/nameservers.md', import.meta.url), 'utf8')
  const blocks = Array.from(text.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = '']) =>
    block
      .replaceAll('/circuit/', `${host.mount}/`)
      .replaceAll('=/circuit', `=${host.mount}`)
      .replace('$(uname -n)', host.name),
  )
  t.equal(blocks.length, 3)
  const results: string[] = []
  for (const block of blocks) {
    const { status, stdout, stderr } = await host.run(`set -e\n${block}`)
    t.strictSame({ status, stderr }, { status: 0, stderr: '' }, block)
    results.push(stdout)
  }
  t.match(
    results[0],
    /^db\.test\.\t60\tIN\tA\t10\.0\.0\.1\n(.*\n){4}db\.test\.\n10\.0\.0\.[12]\n10\.0\.0\.[12]\n$/,
  )
  t.match(results[2], new RegExp(`^${host.address}\n${host.address}\ncircuit\\.local\\.\\t5\\tIN\\tSOA`))
  t.match(await host.run('dig @127.0.0.1 -p 7711 +short db.test A | sort'), {
    stdout: '10.0.0.7\n10.0.0.8\n',
  })
})
