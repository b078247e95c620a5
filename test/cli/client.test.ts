/** The client commands: what they print, how they end. The original's examples are in e2e/seed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { client, startBare, startBareCircuit } from '../client/servers.ts'
import { MAIN, until } from '../server.ts'
import { bash } from './shell.ts'

const [a, b] = await startBareCircuit(t, ['a', 'b'])
const env = { CIRCUIT: a.url, X: `/${b.id}` }
const circuit = await client(t, { url: a.url })
const sh = (script: string, input?: string) => bash(script, { env, ...(input !== undefined && { input }) })

t.test('wait prints the state, waitall a line for each', async (t) => {
  const ended = await sh(`circuit mkproc $X/w/1 <<< '{"path":"sh","args":["-c","exit 3"],}'
circuit wait $X/w/1
circuit mkproc --scrub $X/w/2 <<< '{"Path":"sh","Args":["-c","read x; exit 4"]}'
circuit wait $X/w/2 & sleep 1; echo | circuit stdin $X/w/2; wait
circuit mkproc $X/w/3 <<< '{"Path":"true"}'
circuit ls $X/w | grep -v /2$ | circuit waitall | sort; circuit waitall $X/w/3; circuit waitall $X/w/none; echo $?
circuit scrub $X/w/1 $X/w/2 $X/w/3 $X/w; circuit ls $X`)
  t.equal(ended.status, 0)
  t.match(ended.stdout, /^\{\n\t"Cmd": .*"Phase": "exited".*"ExitCode": 3/s)
  t.match(ended.stdout, '{\n\t"Exit": "exit status 4",\n\t"ExitCode": 4\n}\n')
  t.ok(ended.stdout.endsWith(`}\n0 ${env.X}/w/3\n3 ${env.X}/w/1\n0 ${env.X}/w/3\n1\n`), ended.stdout)
  t.match(ended.stderr, /^circuit: [^\n]*\/w\/none[^\n]*\n$/)
})

t.test('ls says what anchors hold, and what is below first', async (t) => {
  const listed =
    await sh(`circuit mkchan $X/this/is/charlie 3; circuit ls $X/...; circuit ls -l --depth $X/...
circuit scrub $X/this/is/charlie $X/this/is $X/this`)
  t.match(listed, { status: 0, stderr: '' })
  const everything = await sh(
    'for p in /... ... /.../; do circuit ls $p | sort -u | md5sum; done | uniq | wc -l',
  )
  t.equal(everything.stdout.trim(), '1', 'the root is meant in each of its spellings')
  t.equal(
    listed.stdout.replaceAll(env.X, '/X'),
    `/X/this
/X/this/is
/X/this/is/charlie
chan            /X/this/is/charlie
·               /X/this/is
·               /X/this
`,
  )
})

t.test('a record in several words, and a nameserver that knows the servers', async (t) => {
  const made = await sh(`circuit mkdns $X/dns; circuit set $X/dns text.nl. 60 TXT 'two words' more
circuit peek $X/dns; circuit scrub $X/dns
circuit mkdns -circuit circuit.local $X/dns; circuit peek $X/dns; circuit scrub $X/dns`)
  t.match(made, { status: 0, stderr: '' })
  t.match(made.stdout, '"text.nl.\\t60\\tIN\\tTXT\\t\\"two words\\" \\"more\\""')
  t.match(made.stdout, '"Circuit": "circuit.local."')
})

t.test('join makes two circuits one, and suicide ends a server', async (t) => {
  const other = await startBare(t, 'other')
  const more = { ...env, O: `/${other.id}`, OTHER: other.url }
  t.match(await bash('circuit join -d $OTHER $O $CIRCUIT; circuit ls / | grep $O', { env: more }), {
    status: 0,
    stdout: `/${other.id}\n`,
  })
  t.match(await bash('circuit suicide $O', { env: more }), { status: 0, stdout: '', stderr: '' })
  await other.ended
})

t.test('lists as JSON, and the names of servers', async (t) => {
  const listed = await sh(`circuit mkchan $X/json/c
circuit ls --json $X/...; circuit ls --json /by-name; circuit ls /by-name; circuit ls -l /by-name/...
circuit scrub $X/json/c $X/json; circuit ls --json $X`)
  t.match(listed, { status: 0, stderr: '' })
  const [tree, names, words = '', nothing] = listed.stdout.split(/(?<=^\])\n|\n(?=\[)/m).filter(Boolean)
  t.strictSame(JSON.parse(tree ?? ''), [
    { Path: `${env.X}/json`, Element: null },
    { Path: `${env.X}/json/c`, Element: 'chan' },
  ])
  t.strictSame(JSON.parse(names ?? ''), [
    { Path: '/by-name/a', Element: null },
    { Path: '/by-name/b', Element: null },
  ])
  t.equal(words, '/by-name/a\n/by-name/b\n·               /by-name/a\n·               /by-name/b')
  t.strictSame(JSON.parse(nothing ?? ''), [])
  const ended = await sh(`circuit mkproc $X/j <<< '{"Path":"sh","Args":["-c","exit 3"]}'
circuit waitall --json $X/j; circuit scrub $X/j`)
  t.match(ended, { status: 0, stdout: `{"Path":"${env.X}/j","Status":3}\n` })
})

t.test('signal, close, stderr', async (t) => {
  const done =
    await sh(`circuit mkproc $X/s <<< '{"Path":"sh","Args":["-c","trap \\"echo usr >&2; exit 5\\" USR1; echo on >&2; read x"]}'
circuit stderr $X/s | { read line; echo $line; circuit signal SIGUSR1 $X/s; circuit close $X/s stdin; cat; }
circuit signal 9 $X/s; echo $?; circuit signal FOO $X/s; echo $?
circuit mkchan $X/c 1; echo x | circuit send $X/c; circuit close $X/c
while circuit recv $X/c; do :; done; echo y | circuit send $X/c; echo $?; circuit scrub $X/c $X/s`)
  t.match(done, { status: 0, stdout: 'on\nusr\n1\n1\nx\n1\n' })
  t.match(done.stderr, /ended\n.*FOO.*\n.*closed.*\n.*closed.*\n/s)
})

t.test('what fails leaves nothing behind, and says why in a sentence', async (t) => {
  const sentence = /^circuit: [^\n]+\n$/
  t.match(await sh(`circuit mkproc $X/new/x <<< '{"Path":"/no/such"}'`), {
    status: 1,
    stdout: '',
    stderr: sentence,
  })
  t.match(await sh(`circuit mkproc $X/new/x <<< '{"Path"'`), { status: 1, stderr: /not a JSON object/ })
  t.match(await sh(`circuit mkproc $X/new/x <<< '[]'`), { status: 1, stderr: /not a JSON object/ })
  t.match(await sh('circuit mkchan $X/new/x 1e9'), { status: 1, stderr: /capacity/ })
  t.match(await sh('circuit ls $X'), { status: 0, stdout: '' })
  const missing = { status: 1, stderr: `circuit: there is no anchor ${env.X}/none\n` }
  for (const words of ['peek $X/none', 'stdout $X/none', 'signal TERM $X/none', 'signal $X/none TERM'])
    t.match(await sh(`circuit ${words}`), missing, words)
  t.match(await sh('circuit ls /nowhere/x'), { status: 1, stderr: /no server nowhere.*as \/by-name\/NAME/ })
  t.match(await sh('circuit scrub $X/none'), { status: 1, stderr: /none/ })
  t.match(await sh('circuit scrub $X'), { status: 1, stderr: sentence })
  t.match(await sh('circuit ls -d nonsense'), { status: 1, stderr: /not a circuit URL/ })
  for (const wrong of ['peek', 'peek a b', 'signal TERM', 'mkchan', 'ls --nonsense', 'join x'])
    t.match(await sh(`circuit ${wrong}`), { status: 2, stdout: '', stderr: 'usage: circuit ' }, wrong)
})

t.test('a listing goes on where a server is lost, and says so', async (t) => {
  const hung = await startBare(t, 'hung', ['-j', a.url])
  await circuit.make(`/${hung.id}/x`)
  await circuit.make(`/${b.id}/y`)
  hung.child.kill('SIGSTOP')
  const listed = await sh('circuit ls /; circuit ls /...')
  hung.child.kill('SIGCONT')
  t.match(listed, { status: 1, stderr: /^circuit: [^\n]+\n$/ })
  t.match(listed.stdout, `/${b.id}/y\n`)
  await circuit.remove(`/${b.id}/y`)
})

t.test('nobody reads any more: it ends quietly, and what it had not printed stays', async (t) => {
  const piped = await sh(`circuit mkproc $X/p <<< '{"Path":"yes"}'
circuit stdout $X/p | head -1; echo \${PIPESTATUS[0]}; circuit scrub $X/p`)
  t.match(piped, { status: 0, stdout: 'y\n141\n', stderr: '' })
})

t.test('Ctrl-C ends what is blocked, by the signal, and takes nothing', async (t) => {
  await circuit.make(`${env.X}/k`)
  await circuit.command(`${env.X}/k`, 'mkchan')
  for (const command of ['recv', 'send']) {
    const child = spawn(process.execPath, [MAIN, command, `${env.X}/k`], {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    child.stdin?.end('message')
    const log = () => circuit.readText(`${env.X}/log`)
    const opened = command === 'recv' ? /open to read.*\/k\/recv/ : /open to write.*\/k\/send/
    await until(async () => opened.test(await log()))
    child.kill('SIGINT')
    t.strictSame(await once(child, 'close'), [null, 'SIGINT'])
  }
  const sent = circuit.writeText(`${env.X}/k/send`, 'for another')
  t.equal(await circuit.readText(`${env.X}/k/recv`), 'for another')
  await sent
})

t.test('a server that goes in the middle is an error', async (t) => {
  const lost = await startBare(t, 'lost')
  const path = `/${lost.id}/x`
  const one = await client(t, { url: lost.url })
  await one.make(path)
  await one.command(path, 'mkchan')
  const blocked = bash('circuit recv -d $URL $P', { env: { URL: lost.url, P: path } })
  await until(async () => /open to read/.test(await one.readText(`/${lost.id}/log`)))
  await lost.kill()
  t.match(await blocked, { status: 1, stdout: '', stderr: /^circuit: [^\n]+\n$/ })
})
