/** The scripts of examples/, on a network of hosts as examples/network.sh makes it, and that script itself. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeMountSpace } from '../mount-space.ts'
import { type Host, type Network, network } from '../network.ts'
import { noMount, type Outcome, runShell } from '../server.ts'

const EXAMPLES = fileURLToPath(new URL('../../../examples/', import.meta.url))
const TEXT = '/usr/share/common-licenses/GPL-3'

/** Runs an example on a host; the words are the shell's. */
const run = (host: Host, words: string, env: Record<string, string> = {}): Promise<Outcome> =>
  host.run(`exec ${EXAMPLES}${words}`, { env: { C: host.mount, ...env }, limit: 60_000 })

/** The anchors that are there, on any server. */
const anchors = async (host: Host): Promise<string> => (await host.run('ls -d $M/X*/*/ 2>/dev/null')).stdout

t.test('examples, each on the same four hosts', { skip: noMount }, async (t) => {
  const circuit = await network(t, 4)
  const [first] = circuit.hosts as [Host]

  t.test('wait-all.sh', async (t) => {
    const { status, stdout, stderr } = await run(first, 'wait-all.sh')
    t.same({ status, stderr }, { status: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n')
    t.equal(lines.pop(), 'all have ended')
    t.equal(lines.length, 5)
    for (const line of lines) t.match(line, /^\/by-name\/h[1-4]\/wait-all-\d+-[1-5] has ended with 0$/)
    t.equal(await anchors(first), '')
  })

  t.test('wait-first.sh', async (t) => {
    const { status, stdout, stderr } = await run(first, 'wait-first.sh')
    t.same({ status, stderr }, { status: 0, stderr: '' })
    const [heading, ...others] = stdout.trimEnd().split('\n')
    t.match(heading, /-1 was the first; of the others run still:$/)
    t.same(others.map((path) => path.at(-1)).sort(), ['2', '3', '4', '5'])
    t.equal(await anchors(first), '')
  })

  t.test('watchbot.sh', async (t) => {
    const { status, stdout, stderr } = await run(first, 'watchbot.sh')
    t.same({ status, stderr }, { status: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n')
    t.equal(lines.length, 6)
    for (const n of [1, 2, 3, 4])
      t.match(
        lines[n - 1],
        new RegExp(`^generation ${n}: payload /by-name/.*-payload-${n}, nucleus .*-${n}$`),
      )
    t.match(lines[4], /nucleus-4 has ended with 137$/)
    t.match(lines[5], /payload-4 has ended with 137$/)
    t.equal(await anchors(first), '')
  })

  t.test('two-tier.sh', async (t) => {
    const visits = [42, 43, 44].map((n) => `Welcome to the shop, visitor ${n}\n`)
    t.same(await run(first, 'two-tier.sh'), { status: 0, stdout: visits.join(''), stderr: '' })
    t.equal(await anchors(first), '')
  })

  t.test('logs.sh', async (t) => {
    const { status, stdout, stderr } = await run(first, 'logs.sh')
    t.same({ status, stderr }, { status: 0, stderr: '' })
    const lines = stdout.trimEnd().split('\n')
    t.equal(lines.length, 12)
    for (const { name } of circuit.hosts)
      t.same(
        lines.filter((line) => line.startsWith(name)),
        [1, 2, 3].map((n) => `${name}: tick ${n}`),
      )
    t.equal(await anchors(first), '')
  })

  t.test('farm.sh: make -j', async (t) => {
    const { status, stdout, stderr } = await run(first, 'farm.sh')
    t.same({ status, stdout }, { status: 0, stdout: 'the sum is 78\n' }, stderr)
    const jobs = Array.from(stderr.matchAll(/^h[1-4] did (\d+) jobs$/gm), ([, n]) => Number(n))
    t.equal(jobs.length, 4)
    t.ok(
      jobs.every((n) => n > 0),
      'each host did some',
    )
    t.equal(
      jobs.reduce((sum, n) => sum + n),
      13,
    )
    t.equal(await anchors(first), '')
  })

  t.test('farm.sh: xargs, a job that fails, and what its head comment says', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'circuit-farm-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const [, command = ''] = /^# +C=\/circuit examples\/farm.sh (sh -c .*)$/m.exec(
      readFileSync(`${EXAMPLES}farm.sh`, 'utf8'),
    ) as RegExpExecArray
    const made = await first.run(
      `cd "$D"; for n in 1 2 3 4 5; do head -c 200000 /dev/urandom >$n.log; done; ${EXAMPLES}farm.sh ${command}
       for n in 1 2 3 4 5; do zcat $n.log.gz | cmp - $n.log && echo $n; done`,
      { env: { C: first.mount, D: directory }, limit: 60_000 },
    )
    t.match(made, { status: 0, stdout: '1\n2\n3\n4\n5\n' })
    t.match(await run(first, 'farm.sh on-some-host "sh -c \'echo no >&2; exit 7\'"'), {
      status: 7,
      stdout: '',
      stderr: /^no$/m,
    })
    t.equal(await anchors(first), '')
  })

  t.test('word-count.sh says what the same pipeline in a plain shell says', async (t) => {
    const plain = `tr -cs A-Za-z '\\n' <${TEXT} | tr A-Z a-z | grep -v '^$' | sort | uniq -c | sort -k1,1nr -k2 | head -n 25`
    const { stdout } = await runShell(plain)
    t.equal(stdout.split('\n').length, 26)
    t.same(await run(first, `word-count.sh ${TEXT} 25`), { status: 0, stdout, stderr: '' })
    t.match((await run(first, 'word-count.sh /no/such/text')).stderr, /no\/such\/text/)
    t.equal(await anchors(first), '', 'it takes away what it made, also where it fails')
  })

  t.test('failover-demo.sh kills two hosts', async (t) => {
    t.match(await runShell(`C=${first.mount} ${EXAMPLES}failover-demo.sh`), {
      status: 1,
      stderr: 'kills servers',
    })
    const { status, stdout, stderr } = await run(first, 'failover-demo.sh', { DISPOSABLE: '1' })
    t.same({ status, stderr }, { status: 0, stderr: '' })
    const servers = Array.from(stdout.matchAll(/^web runs on \/(X\w+)$/gm), ([, server]) => server)
    t.equal(new Set(servers).size, 3)
    t.notOk(servers.includes(first.id))
    t.equal(await anchors(first), '')
    await restart(circuit)
  })

  t.test('watchbot-channel.sh goes on when a host is killed', async (t) => {
    const { status, stdout, stderr } = await run(first, 'watchbot-channel.sh', { DISPOSABLE: '1' })
    t.same({ status, stderr }, { status: 0, stderr: '' })
    const generations = Array.from(stdout.matchAll(/^generation (\d): \/X\w+\/payload-\1$/gm), ([, n]) => n)
    t.same(generations.slice(0, 6), ['1', '2', '3', '4', '5', '6'])
    t.match(stdout, /over\n$/)
    t.equal(await anchors(first), '')
  })
})

/** Starts the servers that were killed again. */
async function restart({ hosts, settled }: Network): Promise<void> {
  for (const host of hosts) if (!host.running) await host.start({ args: ['-j', hosts[0]?.url ?? ''] })
  await settled()
}

t.test('network.sh gives the command a circuit, and its status back', { skip: noMount }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-example-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const made = await runShell(
    `${EXAMPLES}network.sh 2 sh -c 'ls $C/by-name; circuit peek /by-name/h2; exit 3'`,
    {
      env: { TMPDIR: directory },
      limit: 60_000,
    },
  )
  t.match(made, { status: 3, stdout: /^h1\nh2\n\{[\s\S]*"Name": "h2"/ })
  t.same(readdirSync(directory), [], 'and takes it away')
})

t.test('network.sh takes all away at Ctrl-C', { skip: noMount }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-example-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  // The leader of a group, as a job of an interactive shell is.
  const child = spawn(`${EXAMPLES}network.sh`, ['1', 'sh', '-c', 'echo ready; exec cat $C/self/events'], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  process.kill(-(child.pid ?? 0), 'SIGINT')
  const [status] = await ended
  t.equal(status, 130)
  t.same(readdirSync(directory), [])
})

t.test('network.sh says what it needs', { skip: noMount }, async (t) => {
  const space = await makeMountSpace(t)
  const script = join(space.home, 'root/examples/network.sh')
  t.match(await runShell(`${script} 2 true`, { within: space.enterAsNobody }), { status: 1, stderr: 'sudo' })
  t.match(await runShell(`${EXAMPLES}network.sh`), { status: 2, stderr: 'network.sh HOSTS' })
})

const { status: noShellcheck } = await runShell('command -v shellcheck')

t.test('shellcheck finds nothing to say', { skip: noShellcheck ? 'NO shellcheck' : false }, async (t) => {
  const scripts =
    'mount.sh examples/*.sh examples/farm/on-some-host scripts/*.sh packaging/*.sh packaging/mount.circuit'
  const checked = await runShell(`cd "$D/.." && exec shellcheck ${scripts}`, { env: { D: EXAMPLES } })
  t.same(checked, { status: 0, stdout: '', stderr: '' })
})
