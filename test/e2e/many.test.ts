/** Very many anchors and elements: what each costs, that it is given back, and what is said when there is no more. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { noMount, startServer, type TestServer } from '../server.ts'
import { growth, MIB, metric, python, SMALL_HEAP } from './memory.ts'

// Much is done here; a busy machine needs its time for it.
t.setTimeout(300_000)

const makeAndRemove = (server: TestServer, anchor: string, count: number) =>
  python(
    server,
    anchor,
    `
for n in range(${count}): mkdir(str(n))
assert len(listdir('.')) == ${count} + 4
for n in range(0, ${count}, 10): assert stat(str(n)).st_nlink == 2
assert sum(entry.is_dir() and entry.stat().st_nlink == 2 for entry in scandir('.')) == ${count}
for n in range(${count}): rmdir(str(n))`,
  )

t.test('100,000 anchors', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const anchor = await server.anchor()
  const nodes = await metric(server, 'fuse_nodes')
  const grown = await growth(server, () => makeAndRemove(server, anchor, 100_000))
  t.ok(grown < 300, `${Math.round((grown * MIB) / 100_000)} bytes an anchor`)
  t.ok((await metric(server, 'anchors')) < 10)
  t.ok(
    (await metric(server, 'fuse_nodes')) < nodes + 10,
    'the kernel has forgotten them, and so has the server',
  )
})

t.test('anchors that come and go leave nothing', { skip: noMount }, async (t) => {
  const server = await startServer(t, { env: SMALL_HEAP })
  const anchor = await server.anchor()
  for (const round of [1, 2, 3]) {
    const grown = await growth(server, () => makeAndRemove(server, anchor, 20_000))
    t.ok(grown < (round === 1 ? 80 : 20), `round ${round} took ${grown} MiB`)
  }
})

t.test('10,000 channels and 500 processes', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const anchor = await server.anchor()
  const channels = await growth(server, () =>
    python(
      server,
      anchor,
      `
for n in range(10000):
  mkdir(str(n))
  assert command(n, 'mkchan 3') is None
  send = open(f'{n}/send', O_WRONLY)
  write(send, b'x')
  close(send)`,
    ),
  )
  t.match(await server.sh('cat $S/metrics'), { stdout: 'circuit_elements{kind="chan"} 10000' })
  t.ok(channels < 120, `${Math.round((channels * MIB) / 10_000)} bytes a channel with a message`)
  const processes = await growth(server, async () => {
    const ended = await python(
      server,
      anchor,
      `
for n in range(500):
  mkdir(f'p{n}')
  assert command(f'p{n}', 'run sleep 1000') is None
for n in range(500): assert command(f'p{n}', 'kill') is None
ends = [read(open(f'p{n}/wait', O_RDONLY), 10) for n in range(500)]
print(set(ends))`,
    )
    t.equal(ended, "{b'137\\n'}\n")
  })
  t.ok(processes < 60, `${Math.round((processes * MIB) / 500)} bytes a process`)
  t.equal(await metric(server, 'processes_running'), 0)
})

t.test(
  'when its file descriptors are used up, a server says so, and goes on',
  { skip: noMount },
  async (t) => {
    const server = await startServer(t, { within: ['prlimit', '--nofile=200'] })
    const anchor = await server.anchor()
    const descriptors = (): number => readdirSync(`/proc/${server.child.pid}/fd`).length
    for (const round of [1, 2]) {
      const { begun, said } = JSON.parse(
        await python(
          server,
          anchor,
          `
begun, said = [], set()
for n in range(80):
  name = f'${round}-{n}'
  mkdir(name)
  error = command(name, 'run sleep 1000')
  if error: said.add(f"{error.strerror}: {read(open(name + '/error', O_RDONLY), 1000).decode().split(': ', 2)[2]}")
  else: begun.append(name)
for name in begun: assert command(name, 'kill') is None
for name in begun: assert read(open(name + '/wait', O_RDONLY), 10) == b'137\\n'
for n in range(80): rmdir(f'${round}-{n}')
print(json.dumps({'begun': len(begun), 'said': list(said)}))`,
        ),
      )
      t.ok(begun >= 20 && begun < 80, `${begun} processes`)
      t.same(said, [
        "Too many open files: can't run sleep: the server has no file descriptors left; a process takes three (ulimit -n)\n",
      ])
      t.equal(await metric(server, 'processes_running'), 0)
    }
    t.ok(descriptors() < 150, `${descriptors()} descriptors are open after that`)
    const again = await server.anchor('run echo again')
    t.equal((await server.sh('cat $A/stdout', { env: { A: again } })).stdout, 'again\n')
  },
)
