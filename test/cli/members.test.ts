/** Commands about who is there: members, mk@join, mk@leave. */
import t from 'tap'
import { startBare, startBareCircuit } from '../client/servers.ts'
import { until } from '../server.ts'
import { bash } from './shell.ts'

const [first, second] = await startBareCircuit(t, ['a', 'b'])
if (!second) throw new Error('two servers were started')
const env = { X: `/${first.id}`, URL: first.url }

t.test('members says how servers are', async (t) => {
  const { status, stdout, stderr } = await bash('circuit members -d $URL', { env })
  t.same([status, stderr], [0, ''])
  const [head = '', ...rows] = stdout.trim().split('\n')
  t.match(head, /^NAME +SERVER +ADDRESS +SINCE +STATE +INCARNATION +HEALTH +RTT$/)
  t.match(rows[0], new RegExp(`^a +${first.id} +127\\.0\\.0\\.1:\\d+ +\\S+ +alive +0 +\\d +[0-9.]+ms$`))
  t.match(rows[1], new RegExp(`^b +${second.id} `))
  t.equal(rows.length, 2)
  const [a, b] = JSON.parse((await bash('circuit members -d $URL --json', { env })).stdout)
  const said = { Name: 'a', Server: first.id, Address: /^127\.0\.0\.1:\d+$/, State: 'alive', RTT: Number }
  t.match(a, said)
  t.match(b, { ...said, Name: 'b', Server: second.id })
})

t.test('servers that come and go are received', async (t) => {
  t.match(await bash('circuit mk@join -d $URL $X/come; circuit mk@leave -d $URL $X/go', { env }), {
    status: 0,
    stderr: '',
  })
  const recv = async (name: string): Promise<string> =>
    (await bash(`circuit recv -d $URL $X/${name}`, { env })).stdout.trim()
  t.same([await recv('come'), await recv('come')].sort(), [first, second].map(({ id }) => `/${id}`).sort())
  const third = await startBare(t, 'c', ['-j', second.url])
  t.equal(await recv('come'), `/${third.id}`)
  await third.kill('SIGTERM')
  t.equal(await recv('go'), `/${third.id}`)
})

t.test('a server that does not answer is told so', async (t) => {
  const third = await startBare(t, 'c', ['-j', second.url])
  await until(async () => /^c /m.test((await bash('circuit members -d $URL', { env })).stdout))
  third.child.kill('SIGSTOP')
  t.teardown(() => void third.child.kill('SIGCONT'))
  const { status, stdout } = await bash('circuit members -d $URL', { env })
  // It may be dropped while it is asked.
  if (/^c /m.test(stdout))
    t.same([status, /^c .*(no answer|lost|host is down)/im.test(stdout)], [1, true], stdout)
  t.match(stdout, /^b .* alive /m)
  third.child.kill('SIGCONT')
})
