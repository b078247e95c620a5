/** `circuit run`, as a user runs it on two servers. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { client, startBare, startBareCircuit } from '../client/servers.ts'
import { MAIN, until } from '../server.ts'
import { bash } from './shell.ts'

const [web1, web2] = await startBareCircuit(t, ['web1', 'web2'])
const env = { CIRCUIT: web1.url }
const run = (script: string, input?: string) => bash(script, { env, ...(input !== undefined && { input }) })
const circuit = await client(t, { url: web1.url })

/** Nothing of what was run is left in the tree. */
async function leftovers(): Promise<string[]> {
  const listed = await Promise.all([web1, web2].map(({ id }) => circuit.list(`/${id}`)))
  return listed.flat().flatMap(({ type, path }) => (type === 'anchor' ? [path] : []))
}

t.test('on one server, its output, errors and status are those of the program', async (t) => {
  t.match(await run(`circuit run -- sh -c 'tr a-z A-Z; echo so >&2; exit 3'`, 'hello\nwor'), {
    status: 3,
    stdout: 'HELLO\nWOR',
    stderr: 'so\n',
  })
  t.match(await run('circuit run echo -n --all -d x'), { status: 0, stdout: '--all -d x' })
  t.match(await run('circuit run -- sh -c "kill -KILL \\$\\$"'), { status: 137 })
  t.match(await run('circuit run -- echo "two  words" "\'" \'$HOME\''), { stdout: "two  words ' $HOME\n" })
})

t.test('on several, each line has the name of its server, and the worst status is ours', async (t) => {
  const all = await run(`circuit run --all -- sh -c 'cat; printf "%s" last; echo so >&2; exit 3'`, 'a\nb\n')
  t.equal(all.status, 3)
  const lines = ['web1', 'web2'].flatMap((name) => [`${name}: a`, `${name}: b`, `${name}: last`])
  t.strictSame(all.stdout.trim().split('\n').sort(), lines)
  t.ok(all.stdout.endsWith('\n'))
  t.strictSame(all.stderr.trim().split('\n').sort(), ['web1: so', 'web2: so'])
})

t.test('servers are chosen by name, id and pattern', async (t) => {
  const chosen = async (options: string): Promise<string> =>
    (await run(`circuit run ${options} -- echo x`)).stdout.split('\n').sort().join(' ').trim()
  t.equal(await chosen('--on web2'), 'x')
  t.equal(await chosen(`--on ${web2.id}`), 'x')
  t.equal(await chosen(`--on 'web*'`), 'web1: x web2: x')
  t.equal(await chosen(`--on web1 --on 'web[!1]'`), 'web1: x web2: x')
  t.match(await run('circuit run --on web3 -- true'), {
    status: 1,
    stderr: 'circuit: no server is called web3; there are web1 web2\n',
  })
})

t.test('what is not there can be told from what fails', async (t) => {
  t.match(await run('circuit run -- /no/such'), {
    status: 127,
    stderr: /^circuit: [^\n]*\/no\/such[^\n]*\n$/,
  })
  t.match(await run('circuit run -- /etc/passwd'), { status: 126, stderr: /^circuit: .*\/etc\/passwd/ })
  t.match(await run('circuit run --all'), { status: 2, stderr: 'usage: circuit run' })
  t.match(await run('circuit run --all --on web1 -- true'), { status: 2, stderr: 'contradict' })
})

t.test('a program that takes no input ends it, and one that is long does not block it', async (t) => {
  t.match(await run('yes | circuit run -- head -1'), { status: 0, stdout: 'y\n' })
  const copied = await run(
    'head -c 3000000 /dev/zero | circuit run -- cat | sha1sum; head -c 3000000 /dev/zero | sha1sum',
  )
  const [ours, theirs] = copied.stdout.split('\n')
  t.equal(ours, theirs)
})

t.test('when nobody reads our output, the program ends', async (t) => {
  t.match(await run(`circuit run --all -- yes | head -1; echo \${PIPESTATUS[0]}`), {
    stdout: /^web[12]: y\n141\n$/,
    stderr: '',
  })
  t.strictSame(await leftovers(), [])
})

const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

/** Programs that are interrupted, and whether they end of that. */
const programs = {
  'one that ends': 'echo $$; exec sleep 600',
  'a shell with something in the background, which INT does not reach': 'sleep 600 & echo $!; sleep 600',
  'one that leaves something silent behind': 'sleep 600 >/dev/null 2>&1 & echo $!; sleep 600',
  'one that ignores it': 'trap "" INT TERM HUP; echo $$; while :; do sleep 1; done',
}

for (const [name, script] of Object.entries(programs))
  t.test(`Ctrl-C ends ${name}, and leaves nothing`, async (t) => {
    const child = spawn(process.execPath, [MAIN, 'run', '--all', '--', 'sh', '-c', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    })
    let said = ''
    child.stdout.on('data', (text) => {
      said += text
    })
    const pids = (): number[] => Array.from(said.matchAll(/: (\d+)$/gm), ([, pid]) => Number(pid))
    await until(() => pids().length === 2)
    t.strictSame(pids().map(isAlive), [true, true])
    child.kill('SIGINT')
    if (name === 'one that ignores it') {
      await until(async () => (await leftovers()).length === 2)
      child.kill('SIGINT')
    }
    t.strictSame(await once(child, 'close'), [null, 'SIGINT'], 'as a shell expects it')
    await until(() => !pids().some(isAlive))
    t.strictSame(await leftovers(), [])
  })

t.test('a server that is lost fails its part, and the others go on', async (t) => {
  const lost = await startBare(t, 'lost', ['-j', web1.url])
  await until(async () => (await circuit.servers()).length === 3)
  const child = spawn(
    process.execPath,
    [MAIN, 'run', '--all', '--', 'sh', '-c', 'echo begun; read x; echo $x'],
    { stdio: 'pipe', env: { ...process.env, ...env } },
  )
  let said = ''
  let errors = ''
  child.stdout.on('data', (text) => {
    said += text
  })
  child.stderr.on('data', (text) => {
    errors += text
  })
  await until(() => said.split('begun').length === 4)
  await lost.kill()
  await until(() => errors.includes('lost: '))
  child.stdin.end('end\n')
  t.strictSame(await once(child, 'close'), [1, null])
  t.match(said, /web1: end/)
  t.match(said, /web2: end/)
  t.strictSame(await leftovers(), [])
})
