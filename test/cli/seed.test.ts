/** The examples of the original's README that concern the commands of a client, as they are written there. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { RUNTIME, startBare, startBareCircuit } from '../client/servers.ts'
import { bash } from './shell.ts'

const [first, second] = await startBareCircuit(t, ['a', 'b'], ['-a', '127.0.0.1:0'])
const home = mkdtempSync(join(RUNTIME, 'home-'))
const X = `/${first.id}`
const env = { X, URL: first.url, HOME: home }
const both = [first, second].map(({ id }) => `/${id}\n`).sort()

t.test('a server prints its URL', async (t) => {
  t.match(first.url, /^circuit:\/\/127\.0\.0\.1:\d+\/\d+\/Q[0-9a-f]{16}$/)
})

t.test('pointing the tool to a circuit', async (t) => {
  const listed = { status: 0, stdout: both.join(''), stderr: '' }
  t.match(await bash('circuit ls -d $URL /', { env }), listed)
  t.match(
    await bash('echo $URL > ~/.circuit; export CIRCUIT="~/.circuit"; circuit ls /', { env }),
    listed,
    'with the quoted ~ of the example',
  )
  t.match(await bash('circuit ls /...', { env }), listed)
})

t.test('make a process', async (t) => {
  const made = await bash(
    `circuit mkproc $X/pippi << EOF
{
	"Path": "/bin/ls", 
	"Args":["/"]
}
EOF
circuit peek $X/pippi
cat /dev/null | circuit stdin $X/pippi
circuit stdout $X/pippi
circuit ls -l /...
circuit scrub $X/pippi
circuit ls /...`,
    { env },
  )
  t.match(made, { status: 0, stderr: '' })
  const state: unknown = JSON.parse(/^\{[\s\S]*?^\}/m.exec(made.stdout)?.[0] ?? '')
  t.match(state, { Cmd: { Path: '/bin/ls', Args: ['/'], Scrub: false }, Exit: null })
  t.match(made.stdout, /^bin\n/m)
  t.match(made.stdout, new RegExp(`^proc            ${X}/pippi$`, 'm'))
  t.ok(made.stdout.endsWith(both.join('')), 'nothing is left')
})

t.test('create a channel', async (t) => {
  writeFileSync(join(home, 'some_file'), 'some words\n')
  const made = await bash(
    `cd ~
circuit mkchan $X/this/is/charlie 3
circuit peek $X/this/is/charlie
circuit send $X/this/is/charlie < some_file
circuit recv $X/this/is/charlie
circuit ls $X/...
circuit ls -l --depth $X/...`,
    { env },
  )
  t.match(made, { status: 0, stderr: '' })
  t.equal(
    made.stdout.replaceAll(X, '/X'),
    `{
	"Cap": 3,
	"Closed": false,
	"Aborted": false,
	"NumSend": 0,
	"NumRecv": 0
}
some words
/X/this
/X/this/is
/X/this/is/charlie
chan            /X/this/is/charlie
·               /X/this/is
·               /X/this
`,
  )
})

t.test('make a nameserver', async (t) => {
  const made = await bash(
    `circuit mkdns $X/mydns
circuit set $X/mydns "miek.nl. 3600 IN MX 10 mx.miek.nl."
circuit peek $X/mydns
circuit unset $X/mydns miek.nl.
circuit peek $X/mydns | tr -d '\\n'
circuit set $X/mydns text.nl. 60 TXT 'two words' more
circuit peek $X/mydns | tr -d '\\n'
circuit scrub $X/mydns
circuit mkdns -circuit circuit.local $X/names
circuit peek $X/names | tr -d '\\n'
circuit scrub $X/names`,
    { env },
  )
  t.match(made, { status: 0, stderr: '' })
  t.match(made.stdout, '"Circuit": "circuit.local."')
  t.match(made.stdout, '"miek.nl.\\t3600\\tIN\\tMX\\t10 mx.miek.nl."')
  t.match(made.stdout, /"Address": "127.0.0.1:\d+".*"Records": \{\}/)
  t.match(made.stdout, '"text.nl.\\t60\\tIN\\tTXT\\t\\"two words\\" \\"more\\""')
})

t.test('encryption', async (t) => {
  t.match(await bash('umask 077; circuit keygen > ~/.hmac; cd ~; circuit ls -hmac .hmac /', { env }), {
    status: 1,
    stderr: 'no server found',
  })
  const server = await startBare(t, 'secret', ['-hmac', join(home, '.hmac')])
  const secret = { ...env, URL: server.url }
  const listed = { status: 0, stdout: `/${server.id}\n`, stderr: '' }
  t.match(await bash('cd ~; circuit ls -d $URL -hmac .hmac /...', { env: secret }), listed)
  t.match(await bash('export CIRCUIT_HMAC=~/.hmac; circuit ls -d $URL /...', { env: secret }), listed)
  t.match(await bash('circuit ls -d $URL /...', { env: secret }), {
    status: 1,
    stderr: /the key is not the one of/,
  })
})

t.test('joining and leaving', async (t) => {
  const other = await startBare(t, 'other')
  const env = { O: `/${other.id}`, URL: first.url, OTHER: other.url }
  t.match(await bash('circuit join -d $OTHER $O $URL; circuit ls -d $URL / | grep $O', { env }), {
    status: 0,
    stdout: `/${other.id}\n`,
  })
  t.match(await bash('circuit suicide -d $URL $O', { env }), { status: 0, stdout: '', stderr: '' })
  await other.ended
})
