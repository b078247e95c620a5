/** Containers on a real engine at bad moments, in numbers, within their limits, and as the original's README makes one. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { bash } from '../cli/shell.ts'
import { RUNTIME } from '../client/servers.ts'
import { IMAGE, mkdkr, noEngine, startEngine } from '../engine.ts'
import { type Host, network } from '../network.ts'
import { OTHER_VERSIONS, otherNode } from '../other-node.ts'
import { runShell, startServer, type TestServer, until } from '../server.ts'
import { growth } from './memory.ts'
import { startRegistry } from './registry.ts'

t.setTimeout(300_000)
const engine = await startEngine(t)
// Hosts in a network have it from here.
process.env.DOCKER_HOST = engine.env.DOCKER_HOST
const server = noEngine
  ? undefined
  : await startServer(t, { args: ['-docker'], env: { CIRCUIT_RUNTIME_DIR: RUNTIME } })

const test = (name: string, body: (t: Test, server: TestServer) => Promise<void>): void =>
  void t.test(name, { skip: noEngine }, async (t) => {
    if (server) await body(t, server)
  })

const sh = (script: string, fields: object = {}): string =>
  mkdkr({ Path: 'sh', Args: ['-c', script], ...fields })

/** What a shell script prints that must succeed; $A is an anchor. */
async function print(server: TestServer, A: string, script: string): Promise<string> {
  const { status, stdout, stderr } = await server.sh(script, { env: { A } })
  if (status !== 0) throw new Error(`status ${status}: ${script}\n${stderr}`)
  return stdout
}

const peek = async (server: TestServer, anchor: string) =>
  JSON.parse(await print(server, anchor, 'cat "$A/peek"'))
const logged = async (server: TestServer, operation: string): Promise<{ path: string; outcome: string }[]> =>
  (await print(server, '', 'cat $S/log'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ op }) => op === operation)

/** Awaits that a container is blocked by what it has written. */
async function stalled(server: TestServer, anchor: string): Promise<void> {
  const { State } = await peek(server, anchor)
  const writer = (pid: number): string =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] ?? ''
  await until(() => /pipe_write/.test(readFileSync(`/proc/${writer(State.Pid)}/wchan`, 'utf8')), 20_000)
}

test('of one that ends at once nothing is lost', async (t, server) => {
  for (let n = 0; n < 5; n++) {
    const anchor = await server.anchor(sh('echo out; echo err >&2; exit 3'))
    t.equal(await print(server, anchor, 'cat "$A/wait" "$A/stdout" "$A/stderr"; rmdir "$A"'), '3\nout\nerr\n')
  }
})

test('200 MB that nobody reads stay with the container, and are all there for a late reader', async (t, server) => {
  const anchor = await server.anchor(mkdkr({ Path: 'head', Args: ['-c', '200000000', '/dev/zero'] }))
  const grown = await growth(server, async () => {
    await stalled(server, anchor)
    t.equal(await print(server, anchor, 'cat "$A/stdout" | wc -c; cat "$A/wait"'), '200000000\n0\n')
  })
  t.ok(grown < 64, `${grown} MiB more`)
})

test('an unread stdout holds up neither stderr nor kill nor wait', async (t, server) => {
  const anchor = await server.anchor(sh('echo err >&2; exec head -c 1000000000 /dev/zero'))
  await stalled(server, anchor)
  t.equal(await print(server, anchor, 'head -1 "$A/stderr"'), 'err\n')
  t.equal(await print(server, anchor, 'echo kill > "$A/ctl"; cat "$A/wait"'), '137\n')
  const left = Number(await print(server, anchor, 'cat "$A/stdout" | wc -c'))
  t.ok(left > 1e6 && left < 6e6, `${left} bytes had been written, and were there`)
})

test('one that is killed by somebody else while its output is unread is known to have ended', async (t, server) => {
  const anchor = await server.anchor(mkdkr({ Path: 'head', Args: ['-c', '1000000000', '/dev/zero'] }))
  await stalled(server, anchor)
  process.kill((await peek(server, anchor)).State.Pid, 'SIGKILL')
  t.equal(await print(server, anchor, 'cat "$A/wait"; echo scrub > "$A/ctl"'), '137\n')
})

test('with Scrub a slow reader reads to the end, though the container has gone', async (t, server) => {
  const anchor = await server.anchor(sh('read line; head -c 1500000 /dev/zero', { Scrub: true }))
  const { Id } = await peek(server, anchor)
  const reading = print(
    server,
    anchor,
    'exec 3< "$A/stdout"; : > "$A/stdin"; while [ -e "$A/wait" ]; do sleep 0.05; done; echo gone; sleep 0.5; wc -c <&3',
  )
  t.equal(await reading, 'gone\n1500000\n')
  t.equal(await engine.print(`docker ps -aq --filter id=${Id}`), '')
})

test('an interpreter that is missing is status 127, as a shell says it; logs are not kept twice', async (t, server) => {
  const directory = mkdtempSync(join(tmpdir(), 'volume-'))
  writeFileSync(join(directory, 'script'), '#!/no/interpreter\n', { mode: 0o755 })
  const anchor = await server.anchor(mkdkr({ Path: '/v/script', Volume: [`${directory}:/v:ro`] }))
  t.equal(await print(server, anchor, 'cat "$A/wait"'), '127\n')
  t.match((await peek(server, anchor)).HostConfig, { LogConfig: { Type: 'none' }, Init: true })
})

test('what could not be started, and what has gone, leaves no connection', async (t, server) => {
  const open = (): number => readdirSync(`/proc/${server.child.pid}/fd`).length
  const before = open()
  const anchor = await server.anchor()
  for (const fields of [{ Path: 'no-such' }, { Path: 'true', User: 'no-such' }, { Path: '/etc' }])
    t.match(await server.sh(`echo '${mkdkr(fields)}' > "$A/ctl"`, { env: { A: anchor } }), { status: /[^0]/ })
  await print(server, anchor, `echo '${mkdkr({ Path: 'true' })}' > "$A/ctl"; cat "$A/wait"; rmdir "$A"`)
  await until(() => open() <= before)
  t.pass('descriptors are as many as before')
})

test('Cpus is a limit', async (t, server) => {
  const anchor = await server.anchor(
    sh(
      'timeout 0.5 sh -c "while :; do :; done"; cat /sys/fs/cgroup/cpu.stat /sys/fs/cgroup/cpu/cpu.stat 2>/dev/null',
      { Cpus: 0.05 },
    ),
  )
  const [, throttled = '0'] =
    /^nr_throttled (\d+)$/m.exec(await print(server, anchor, 'cat "$A/stdout"')) ?? []
  t.ok(Number(throttled) > 0, `it had to wait ${throttled} times`)
})

test('50 at once, started and waited for from the mount of another host', async (t) => {
  const { hosts } = await network(t, 2, { names: ['near', 'far'], args: ['-docker'] })
  const [near, far] = hosts as [Host, Host]
  const script = `
cd ${near.at(far)}
for n in $(seq 50); do
  mkdir c$n
  (echo 'mkdkr {"Image":"${IMAGE}","Path":"sh","Args":["-c","read line; echo $line; exit '$n'"]}' > c$n/ctl && echo in$n > c$n/stdin) &
done
wait
for n in $(seq 50); do echo $(cat c$n/wait c$n/stdout); done
for n in $(seq 50); do rmdir c$n & done
wait`
  const { stdout, stderr } = await runShell(script, { within: near.enter, limit: 120_000 })
  t.equal(stderr, '')
  t.equal(stdout, Array.from({ length: 50 }, (_, n) => `${n + 1} in${n + 1}\n`).join(''))
  t.equal(await engine.print(`docker ps -aq --filter label=circuit.server=${far.id}`), '')
})

/** The description in the original's README, of an image and a directory that are there (the engine would make one), without Lxc. */
const SEED = `{
	"Image": "${IMAGE}",
	"Memory": 1000000000,
	"CpuShares": 3,
	"Volume": ["/webapp", "${tmpdir()}:/opt/webapp:ro"],
	"Dir": "/",
	"Entry": "",
	"Env": ["PATH=/usr/bin"],
	"Path": "/bin/ls",
	"Args": ["/"],
}`

test('the example of the original', async (t, server) => {
  const path = `/${server.id}/docky`
  const run = (script: string) => bash(script, { env: { X: path, CIRCUIT: server.url } })
  const made = await run(`circuit mkdkr $X << EOF
${SEED}
EOF
circuit ls -l /...
circuit stdout $X
circuit wait $X
circuit stderr $X
circuit peek $X | grep '"Status"'
circuit scrub $X
circuit ls $X`)
  t.match(made.stdout, `docker          ${path}`)
  t.match(made.stdout, /^bin\ndev\netc\n[\s\S]*^webapp$/m)
  t.match(made.stdout, /\n\t"State": \{\n\t\t"Status": "exited"/, 'wait prints the state')
  t.match(made.stdout, /^\t\t"Status": "exited",\n$/m)
  t.match(made.stderr, /^circuit: .*no anchor.*\n$/, 'and it is gone')
  const lxc = SEED.replace('"Volume"', '"Lxc": ["lxc.cgroup.cpuset.cpus = 0,1"],\n"Volume"')
  t.match(await run(`circuit mkdkr $X <<< '${lxc}'`), { status: 1, stderr: /^circuit: .*no LXC since 2015/ })

  const anchor = await server.anchor()
  const file = await print(
    server,
    anchor,
    `cat > "$A/ctl" << EOF
mkdkr ${SEED}
EOF
ls "$A"; cat "$A/wait"; grep -c . "$A/stdout"; rmdir "$A"`,
  )
  t.match(file, /^ctl\nerror\nhelp\npeek\nsignal\nstderr\nstdin\nstdout\nwait\n0\n\d+\n$/)
  t.equal(await engine.print(`docker ps -aq --filter label=circuit.anchor=${path}`), '')
})

for (const version of OTHER_VERSIONS) {
  const { node, missing } = otherNode(version)
  t.test(`by a server on Node ${version}`, { skip: noEngine || missing }, async (t) => {
    const server = await startServer(t, { node, args: ['-docker'], env: engine.env })
    const anchor = await server.anchor(sh('tr a-z A-Z; exit 3'))
    t.equal(await print(server, anchor, 'echo hello > "$A/stdin"; cat "$A/stdout" "$A/wait"'), 'HELLO\n3\n')
  })
}

test('circuit run --image', async (t, server) => {
  const run = (script: string) => bash(script, { env: { CIRCUIT: server.url } })
  const before = await engine.print('docker ps -aq | sort')
  t.match(await run(`echo hello | circuit run --image ${IMAGE} -- sh -c 'tr a-z A-Z; echo so >&2; exit 3'`), {
    status: 3,
    stdout: 'HELLO\n',
    stderr: 'so\n',
  })
  t.match(await run(`echo 'echo $0' | circuit run --image ${IMAGE}`), { status: 0, stdout: '/bin/sh\n' })
  t.match(await run(`circuit run --image ${IMAGE} -- no-such`), { status: 127, stderr: /no program no-such/ })
  t.match(await run(`timeout -s INT 2 bash -c '"$NODE" "$PROGRAM" run --image ${IMAGE} -- sleep 60'`), {
    stdout: '',
  })
  await until(async () => (await engine.print('docker ps -aq | sort')) === before)
})

test('with Pull the engine fetches an image, and tells how far it is', async (t, server) => {
  const tar = join(mkdtempSync(join(tmpdir(), 'root-')), 'root.tar')
  await engine.print(`id=$(docker create ${IMAGE}); docker export $id > ${tar}; docker rm $id`)
  const registry = await startRegistry(t, readFileSync(tar))
  const anchor = await server.anchor()
  const make = (fields: object): Promise<string> =>
    print(server, anchor, `exec 3<> "$A/ctl"; echo '${mkdkr(fields)}' >&3; cat <&3`).catch(
      (error) => error.message,
    )
  t.match(await make({ Image: registry.image }), /^ENOENT .*No such image/)
  t.equal(await make({ Image: registry.image, Path: 'echo', Args: ['hi'], Pull: true }), '')
  t.equal(await print(server, anchor, 'cat "$A/stdout" "$A/wait"'), 'hi\n0\n')
  const steps = (await logged(server, 'pull')).map(({ outcome }) => outcome)
  t.ok(
    steps.some((step) => /Pull complete/.test(step)) && steps.at(-1)?.startsWith('Status: Downloaded'),
    steps.join(),
  )
  const other = await server.anchor()
  await print(
    server,
    other,
    `! timeout -s INT 1 sh -c 'echo "$C" > "$A/ctl"'`.replace(
      '"$C"',
      `'\\''${mkdkr({ Image: registry.endless, Pull: true })}'\\''`,
    ),
  )
  t.equal(
    await print(server, other, 'cat "$A/peek"; rmdir "$A"'),
    'null\n',
    'one that is interrupted leaves nothing',
  )
  await print(server, anchor, 'echo scrub > "$A/ctl"')
  t.match(await make({ Image: `${registry.image}x`, Pull: true }), /^ENOENT .*the engine says: /)
})

test('a server without -docker loads nothing of it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'loaded-'))
  const spy = join(directory, 'spy.cjs')
  writeFileSync(
    spy,
    `if (require('node:worker_threads').isMainThread) process.on('exit', () =>
       require('node:fs').writeFileSync(process.env.LOADED, Object.keys(require('node:module')._cache).join('\\n')))`,
  )
  const loaded = async (name: string, args: readonly string[]): Promise<boolean> => {
    const file = join(directory, name)
    const server = await startServer(t, { args, env: { NODE_OPTIONS: `--require ${spy}`, LOADED: file } })
    await server.anchor('run true')
    if (args.length > 0) await server.anchor(mkdkr({ Path: 'true' }))
    await server.stop()
    t.ok(existsSync(file))
    return /dockerode/.test(readFileSync(file, 'utf8'))
  }
  t.equal(await loaded('without', []), false)
  t.equal(await loaded('with', ['-docker']), true)
})
