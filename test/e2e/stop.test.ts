/** How a server stops: in order, when it is told to; and what is left when it is killed. */
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { isMounted, noMount, startServer, type TestServer, until } from '../server.ts'
import { blockFifty } from './blocked.ts'

const [EINTR, ECONNABORTED, ENOTCONN] = ['4', '103', '107']

t.test(
  'at a signal all who are blocked get EINTR, and it is gone within a second',
  { skip: noMount },
  async (t) => {
    const times: number[] = []
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      const server = await startServer(t)
      const { ends } = await blockFifty(server)
      const ended = once(server.child, 'exit')
      const start = performance.now()
      server.child.kill(signal)
      t.same(await ended, [0, null], `${signal}: exit status 0`)
      times.push(performance.now() - start)
      t.same(await ends, { [EINTR]: 50 })
      t.notOk(isMounted(server.mount), 'unmounted')
      t.match(server.log(), /\ncircuit: stopped\n$/)
    }
    const median = times.sort((a, b) => a - b)[1] ?? 0
    t.ok(median < 1000, `it takes ${median.toFixed(0)} ms`)
  },
)

for (const verb of ['leave', 'suicide']) {
  t.test(
    `${verb} on the server's ctl is answered, then the server stops in order`,
    { skip: noMount },
    async (t) => {
      const server = await startServer(t)
      const { ends } = await blockFifty(server)
      const ended = once(server.child, 'exit')
      t.same(await server.sh(`echo ${verb} > $S/ctl`), { status: 0, stdout: '', stderr: '' })
      t.same(await ended, [0, null])
      t.same(await ends, { [EINTR]: 50 })
      t.notOk(isMounted(server.mount))
    },
  )
}

t.test(
  'killed, its clients get an error at once, and the next one takes its place',
  { skip: noMount },
  async (t) => {
    const server = await startServer(t)
    const { ends } = await blockFifty(server)
    await server.kill()
    const { [ECONNABORTED]: aborted = 0, [ENOTCONN]: unconnected = 0 } = await ends
    t.equal(aborted + unconnected, 50)
    t.match(await server.sh('ls $M'), { status: 2, stderr: 'not connected' })
    const next = await startServer(t, { mount: server.mount })
    t.not(next.id, server.id)
    t.match(await next.sh('ls $S'), { status: 0, stdout: 'ctl' })
    t.equal((await next.stop()).status, 0)
    t.notOk(isMounted(server.mount))
  },
)

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`)

const childrenOf = (pid: number | undefined): number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
  )

/** Empty of one that has ended since its pid was read. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

const guardOf = (server: TestServer): number | undefined =>
  childrenOf(server.child.pid).find((pid) => /circuit-guard/.test(commandLine(pid)))

/** Runs a shell script as an element and gives the pid that it writes. */
async function runPid(server: TestServer, script: string, fields: object = {}): Promise<number> {
  const spec = { Path: 'sh', Args: ['-c', script], ...fields }
  const anchor = await server.anchor(`mkproc ${JSON.stringify(spec)}`)
  return Number((await server.sh('head -n 1 $A/stdout', { env: { A: anchor } })).stdout)
}

/** Processes of all sorts, by what they do at a TERM. */
async function runFamily(server: TestServer) {
  return {
    plain: await runPid(server, 'echo $$; exec sleep 1000'),
    stopped: await runPid(server, 'sleep 1000 & echo $!; kill -STOP $!; wait'),
    below: await runPid(server, 'sleep 1000 & echo $!; wait'),
    cleaning: await runPid(server, 'trap "sleep 0.2; exit" TERM; echo $$; while :; do sleep 0.1; done'),
    deaf: await runPid(server, 'trap "" TERM; echo $$; while :; do sleep 0.2; done'),
    detached: await runPid(server, 'echo $$; exec sleep 1000', { Detach: true }),
  }
}

async function endFamily(t: Test, end: 'stop' | 'kill'): Promise<void> {
  const server = await startServer(t)
  const { deaf, detached, ...obedient } = await runFamily(server)
  t.teardown(() => process.kill(detached, 'SIGKILL'))
  const guard = guardOf(server)
  const start = performance.now()
  await server[end]()
  await until(() => !Object.values(obedient).some(isAlive))
  t.ok(isAlive(deaf), `${end}: one that ignores TERM has its time`)
  await until(() => !isAlive(deaf), 20_000)
  t.ok(performance.now() - start > 4500, `${end}: 5 s`)
  t.ok(guard, `${end}: there was a guard`)
  await until(() => !isAlive(guard ?? 0))
  t.ok(isAlive(detached), `${end}: what is detached lives on`)
}

t.test('stopped or killed, its processes get TERM, and KILL after 5 s', { skip: noMount }, async (t) => {
  await Promise.all([endFamily(t, 'stop'), endFamily(t, 'kill')])
})

t.test('a guard that is killed is replaced', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const child = await runPid(server, 'echo $$; exec sleep 1000')
  const guard = guardOf(server)
  t.ok(guard)
  process.kill(guard ?? 0, 'SIGKILL')
  await until(() => ![undefined, guard].includes(guardOf(server)))
  const later = await runPid(server, 'echo $$; exec sleep 1000')
  await server.kill()
  await until(() => !isAlive(child) && !isAlive(later))
  t.pass('and ends what the first had in its care, and what came after')
})

t.test(
  'a server without processes has no guard, and one without any left keeps it quiet',
  { skip: noMount },
  async (t) => {
    const server = await startServer(t)
    t.equal(guardOf(server), undefined)
    const anchor = await server.anchor('run true')
    t.equal((await server.sh('cat $A/wait', { env: { A: anchor } })).stdout, '0\n')
    const guard = guardOf(server)
    await server.kill()
    await until(() => !isAlive(guard ?? 0))
    t.pass('it ends with the server')
  },
)
