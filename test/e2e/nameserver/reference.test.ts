/** The same records from us and from BIND, asked for by dig: the same answers. */
import t from 'tap'
import { noMount, startServer } from '../../server.ts'
import { dig } from './dig.ts'
import { startNamed } from './named.ts'

/** As they stand in a zone file, one a line; names are whole. */
const RECORDS = String.raw`
test. 300 IN SOA ns.test. host\.master.test. 2026112201 1h 10m 1w 60
test. 300 IN NS ns.test.
test. 300 IN NS ns.elsewhere.example.
test. 300 IN MX 10 mx.test.
test. 300 IN MX 20 mx.elsewhere.example.
test. 300 IN TXT "v=spf1 mx -all"
test. 300 IN CAA 0 issue "ca.example; policy=ev"
test. 300 IN CAA 128 iodef "mailto:security@test"
ns.test. 300 IN A 10.0.0.53
a.test. 60 IN A 10.0.0.1
A.test. 60 IN A 10.0.0.2
a.test 60 IN A 10.0.0.3
in.test. IN 60 A 10.0.0.4
late.test. 60 A 10.0.0.5
plain.test. 1h30m IN A 10.0.0.6
zero.test. 0 IN A 0.0.0.0
six.test. 60 IN AAAA 2001:db8::1
six.test. 60 IN AAAA 2001:0DB8:0:0:1:0:0:1
six.test. 60 IN AAAA ::
six.test. 60 IN AAAA ::ffff:10.0.0.1
six.test. 60 IN AAAA fe80::1:2:3:4:5:6
six.test. 60 IN AAAA 1::
www.test. 60 IN CNAME a.test.
ftp.test. 60 IN CNAME www.test.
out.test. 60 IN CNAME www.elsewhere.example.
gone.test. 60 IN CNAME nothing.test.
half.test. 60 IN CNAME six.test.
loop1.test. 60 IN CNAME loop2.test.
loop2.test. 60 IN CNAME loop1.test.
1.0.0.10.in-addr.test. 60 IN PTR a.test.
mx.test. 60 IN A 10.0.0.25
mx.test. 60 IN MX 0 .
txt.test. 60 IN TXT plain
txt.test. 60 IN TXT "two words" and "more"
txt.test. 60 IN TXT "a \"quote\", a \\ and a ; semicolon"
txt.test. 60 IN TXT "\000\001\127\200\255"
txt.test. 60 IN TXT ""
txt.test. 60 IN TXT esc\097ped\ word
long.test. 60 IN TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
_sip._tcp.test. 60 IN SRV 10 60 5060 a.test.
_sip._tcp.test. 60 IN SRV 20 0 65535 Mixed.Case.test.
soa.test. 60 IN TXT "not an SOA"
tel.test. 60 IN NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:info@test!i" .
tel.test. 60 IN NAPTR 200 0 "" "" "" next.test.
caa.test. 60 IN CAA 0 issue ";"
new.test. 60 IN TYPE65534 \# 3 abcdef
new.test. 60 IN TYPE65534 \# 5 0001 02 0304
new.test. 60 IN TYPE731 \# 0
raw.test. 60 IN A \# 4 0A000007
raw.test. 60 IN TYPE15 \# 7 0005 036d7831 00
dots\.in\.label.test. 60 IN A 10.0.0.8
sp\032ace.test. 60 IN A 10.0.0.9
\@.test. 60 IN A 10.0.0.10
b\255n.test. 60 IN A 10.0.0.11
under_score.test. 60 IN A 10.0.0.12
deep.er.and.deep.er.test. 60 IN A 10.0.0.13
*.apps.test. 60 IN A 10.0.0.14
*.apps.test. 60 IN TXT wild
own.apps.test. 60 IN TXT own
*.alias.test. 60 IN CNAME a.test.
sub.test. 60 IN NS ns.sub.test.
sub.test. 60 IN NS ns.elsewhere.example.
ns.sub.test. 60 IN A 10.0.0.54
x23456789012345678901234567890123456789012345678901234567890123.test. 60 IN A 10.0.0.15
`
  .trim()
  .split('\n')

/** Each name is asked for all of these. */
const TYPES = 'A AAAA NS CNAME PTR MX TXT SRV SOA CAA NAPTR TYPE65534 TYPE731 ANY'.split(' ')

/** What is asked beside that. */
const MORE = [
  'A.TEST. A',
  'TeSt. SOA',
  'nothing.test. A',
  'x.a.test. A',
  'er.test. A',
  'deep.er.test. TXT',
  'and.deep.er.test. ANY',
  'other.deep.er.test. A',
  'x.apps.test. A',
  'x.y.apps.test. A',
  'X.Apps.test. TXT',
  'x.apps.test. AAAA',
  'x.own.apps.test. A',
  'apps.test. A',
  'x.alias.test. A',
  'x.alias.test. ANY',
  'x.sub.test. A',
  'sub.test. NS',
  'elsewhere.example. A',
  '. NS',
  'a.test. A +noedns',
  'a.test. A +tcp',
  'a.test. A +nocookie +bufsize=512',
  'a.test. A +dnssec',
  'a.test. A -c CH',
  'a.test. A +opcode=status',
]

t.test('the same answers as from BIND', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const theirs = await startNamed(t, 'test', `$ORIGIN .\n$TTL 3600\n${RECORDS.join('\n')}\n`)
  const anchor = await server.anchor('mkdns')
  const input = RECORDS.map((record) => `set '${record}'\n`).join('')
  t.strictSame(await server.sh('cat > "$A/ctl"', { env: { A: anchor }, input }), {
    status: 0,
    stdout: '',
    stderr: '',
  })
  const peek = JSON.parse((await server.sh('cat "$A/peek"', { env: { A: anchor } })).stdout)
  const names = [...new Set(RECORDS.map((record) => record.split(' ')[0]?.toLowerCase()))]
  const questions = [...names.flatMap((name) => TYPES.map((type) => `${name} ${type}`)), ...MORE]
  const [ours, expected] = await Promise.all([dig(peek.Address, questions), dig(theirs, questions)])
  t.ok(expected.filter(({ answer }) => answer.length > 0).length > 100, 'most have answers')
  for (const [index, question] of questions.entries()) t.strictSame(ours[index], expected[index], question)
})
