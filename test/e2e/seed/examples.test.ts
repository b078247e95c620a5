/**
 * Every example of the original's README, in its order, on hosts of their own: examples.txt. What is added is what it takes
 * for granted: a key in CIRCUIT_HMAC (without one a server listens on loopback alone), the files that it names, and an end of what is in the way.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { IMAGE, noEngine, startEngine } from '../../engine.ts'
import { network } from '../../network.ts'
import { noMount, until } from '../../server.ts'
import { Examples } from './examples.ts'
import { Machine, type RunningServer } from './machine.ts'

const URL_OF_THERE = 'circuit://10.0.0.1:11022/78517/Q56e7a2a0d47a7b5d'

t.test('every example of the README of the original', { skip: noMount || noEngine }, async (t) => {
  const { hosts, keyFile = '' } = await network(t, 5, { servers: false })
  const machines = await Promise.all(hosts.map((host) => Machine.make(t, host)))
  const [first, second, alone, other, fifth] = machines as [Machine, Machine, Machine, Machine, Machine]
  for (const machine of machines) machine.env = { CIRCUIT_HMAC: keyFile }

  // The engine runs on this machine, and makes what is missing there.
  const webapp = mkdtempSync(join(tmpdir(), 'circuit-webapp-'))
  t.teardown(() => rmSync(webapp, { recursive: true }))
  const here: [string, string][] = [
    ['/src/webapp', webapp],
    ['10.0.0.1', alone.host.address],
    ['10.0.0.2', other.host.address],
  ]
  const examples = new Examples(() => here)
  /** Runs the next one, which must succeed; gives what it printed. */
  const run = async (machine: Machine, title: string): Promise<string> => {
    const { status, stdout, stderr } = await machine.run(examples.take(title).script)
    t.same({ title, status, stderr }, { title, status: 0, stderr: '' })
    return stdout
  }
  /** The same, where the README says what is printed: by lines in any order, or as JSON. */
  const compare = async (machine: Machine, title: string): Promise<void> => {
    const { script, shown } = examples.take(title)
    const { status, stdout, stderr } = await machine.run(script)
    t.same({ title, status, stderr }, { title, status: 0, stderr: '' })
    t.strictSame(comparable(stdout), comparable(shown), title)
  }

  const { script } = examples.take('Run the servers')
  const [one, two] = await Promise.all([first.serve(script), second.serve(script)])
  const both = [one.id, two.id]
    .map((id) => `/${id}\n`)
    .sort()
    .join('')
  /** Awaits that both of them list these servers, and no others. */
  const listed = async (...servers: readonly RunningServer[]): Promise<void> => {
    const all = servers.map(({ id }) => `/${id}\n`).sort()
    for (const machine of [first, second])
      await until(async () => (await machine.run('circuit ls /')).stdout === all.join(''), 30_000)
  }
  await listed(one, two)
  t.match(await first.run('ls /circuit'), { status: 0, stdout: 'by-name' }, 'it is mounted, too')

  const lone = await alone.serve(examples.take('Alternative advanced server startup').script)
  t.match(lone.url, new RegExp(`^circuit://${alone.host.address}:11022/\\d+/Q[0-9a-f]{16}$`))
  here.unshift([URL_OF_THERE, lone.url])
  const joiner = await other.serve(examples.take('Log onto another machine').script)
  const alternative = [lone.id, joiner.id]
    .map((id) => `/${id}\n`)
    .sort()
    .join('')

  here.unshift(['X88550014d4c82e4d', one.id], ['X938fe923bcdef2390', two.id])
  await compare(second, 'Use')
  t.equal(await run(other, 'Pointing the tool to your circuit cluster'), both)
  t.equal(await run(fifth, 'By the environment'), both)
  t.equal(await run(fifth, 'By an address'), alternative)
  t.equal(await run(second, 'By a file'), alternative)
  t.match(await run(first, 'The help screen'), /^ {2}mkproc .*^ {2}mk@leave /ms)

  await process(t)
  await container()
  await channel()
  await nameserver()
  await announcements()
  await security()
  t.strictSame(examples.left, [], 'none is left out')

  async function process(t: Test): Promise<void> {
    await compare(second, 'Make a process')
    t.equal(await run(second, 'Run a new ls process'), '')
    const state = JSON.parse(await run(second, 'See what happened'))
    t.match(state, { Cmd: { Path: '/bin/ls', Args: ['/'] }, Exit: null, Phase: /running|exited/ })
    t.equal(await run(second, 'Close the standard input'), '')
    t.equal(await run(second, 'Read the output'), (await first.run('ls /')).stdout)
    t.equal(await run(second, 'Remove the process element'), '')
  }

  /** On a server of its own, which makes containers. The engine has no LXC, so that line is refused. */
  async function container(): Promise<void> {
    const { env, print } = await startEngine(t)
    await print(`docker tag ${IMAGE} ubuntu`)
    fifth.env = { ...fifth.env, ...env }
    const docker = await fifth.serve(examples.take('Make a docker container').script)
    await listed(one, two, docker)
    here.unshift(['X88550014d4c82e4d', docker.id])
    await until(async () => (await second.run('circuit ls /')).stdout.includes(docker.id), 20_000)
    const { script } = examples.take('Create and execute a new docker container')
    here.shift()
    const docky = `/${docker.id}/docky`
    const [, line = ''] = /^(.*"Lxc".*\n)/m.exec(script) ?? []
    t.match(await second.run(script), { status: 1, stdout: '', stderr: /^circuit: [^\n]*Lxc[^\n]*\n$/ })
    t.strictSame(await second.run(script.replace(line, '')), { status: 0, stdout: '', stderr: '' })
    t.match(await second.run(`cat /dev/null | circuit stdin ${docky}; circuit stdout ${docky}`), {
      stdout: /^bin\n[\s\S]*^webapp$/m,
      stderr: '',
    })
    t.match(JSON.parse((await second.run(`circuit wait ${docky}`)).stdout), { State: { ExitCode: 0 } })
    t.match(JSON.parse((await second.run(`circuit peek ${docky}`)).stdout), {
      HostConfig: { Memory: 1_000_000_000, CpuShares: 3, Binds: [`${webapp}:/opt/webapp:ro`] },
    })
    t.match(await second.run(`circuit scrub ${docky}; circuit ls /${docker.id}`), { stdout: '', stderr: '' })
    await docker.stop()
    fifth.env = { CIRCUIT_HMAC: keyFile }
    await listed(one, two)
  }

  async function channel(): Promise<void> {
    await compare(second, 'Create a channel')
    t.equal(await run(second, 'With a buffer of three messages'), '')
    await compare(second, 'Verify the channel was created')
    await second.run("echo 'some words' > some_file")
    t.equal(await run(second, 'Send a message'), '')
    t.equal(await run(first, 'Receive it'), 'some words\n')
  }

  async function nameserver(): Promise<void> {
    const zone = `/${one.id}/mydns`
    t.equal(await run(second, 'Make a DNS server element'), '')
    t.match(await second.run(`circuit peek ${zone}; circuit scrub ${zone}`), {
      stdout: `"Address": "${first.host.address}:`,
    })
    t.equal(await run(second, 'At an address'), '')
    await compare(second, 'Retrieve the address')
    t.equal(await run(second, 'Add a resource record'), '')
    t.match(await first.run('dig +short @127.0.0.1 -p 7711 miek.nl MX'), { stdout: '10 mx.miek.nl.\n' })
    t.equal(await run(second, 'Remove all records of a name'), '')
    t.match(await first.run(`circuit peek ${zone}`), { stdout: '"Records": {}' })
    const records = ['10 mx.miek.nl.', '20 mx2.miek.nl.'].map(
      (mx) => `circuit set ${zone} "miek.nl. 3600 IN MX ${mx}"`,
    )
    await first.run(records.join('\n'))
    await compare(second, 'The current set of records, where a name has several')
  }

  async function announcements(): Promise<void> {
    const receive = async (name: string): Promise<string> =>
      (await second.run(`circuit recv /${one.id}/watch/${name}`)).stdout
    t.equal(await run(second, 'Listen on server join and leave announcements'), '')
    // First of those that are there.
    t.equal([await receive('join'), await receive('join')].sort().join(''), both)
    const third = await fifth.serve(script)
    t.equal(await run(second, 'Joins'), `/${third.id}\n`)
    const leaves = receive('leave')
    await third.stop()
    t.equal(await leaves, `/${third.id}\n`)
    t.match(JSON.parse(await run(second, 'Leaves')), { Source: 'join', Pending: 0, Closed: false })
  }

  async function security(): Promise<void> {
    await lone.stop()
    alone.env = {}
    await alone.run('umask 077; circuit keygen > .hmac')
    const secret = await alone.serve(examples.take('Security').script)
    t.equal(await run(alone, 'Invoking the tool'), `/${secret.id}\n`)
    alone.env = { CIRCUIT_HMAC: '.hmac' }
    t.match(
      await alone.run('circuit ls /...'),
      { status: 0, stdout: `/${secret.id}\n` },
      'or by the environment',
    )
    alone.env = { CIRCUIT_HMAC: keyFile }
    t.match(await alone.run(`circuit ls -d ${secret.url} /...`), { status: 1, stdout: '', stderr: /key/ })
    t.match(await run(alone, 'Generate a new private key'), /^[A-Za-z0-9+/]{43}=\n$/)
  }
})

/** What does not depend on how it is laid out. */
const comparable = (text: string): unknown =>
  text.startsWith('{') ? JSON.stringify(JSON.parse(text)) : text.split('\n').sort()
