/**
 * Membership between hosts: what happens to one, and that all others see it, within bounds that hold on a loaded machine too; how
 * long it takes, `npm run bench -- membership` says. CIRCUIT_HOSTS=30 runs it with more hosts than the suite has time for.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { events, seen } from '../network/seen.ts'
import { type Host, network } from '../network.ts'
import { noMount } from '../server.ts'

const MANY = Number(process.env.CIRCUIT_HOSTS ?? 8)

t.test(
  `${MANY} hosts: all see what happens to one, and no event is missed or invented`,
  { skip: noMount },
  async (t) => {
    const { hosts } = await network(t, MANY)
    const [first, second, last, stopped] = hosts as [Host, Host, Host, Host]
    const rest = hosts.filter((host) => host !== last && host !== stopped)
    const [come, gone] = [await events(first, 'join'), await events(first, 'leave')]
    t.same((await come()).sort(), hosts.map(({ id }) => id).sort())
    await stopped.run('mkdir $S/x; echo mkchan > $S/x/ctl')
    const joined: string[] = []
    const left: string[] = []

    // One stands still meanwhile, and is not dropped.
    const pause = async (): Promise<void> => {
      stopped.server.child.kill('SIGSTOP')
      await sleep(2000)
      stopped.server.child.kill('SIGCONT')
    }
    const paused = pause()

    left.push(last.id)
    await last.server.kill()
    t.comment(`gone everywhere ${await seen(rest, [...rest, stopped])} ms after kill -9`)
    await paused
    await seen([stopped], [...rest, stopped])

    await last.start({ args: ['-j', second.url] })
    t.comment(`seen everywhere ${await seen(hosts, hosts)} ms after its start`)
    joined.push(last.id)

    left.push(last.id)
    const stopping = last.server.stop()
    t.comment(`gone everywhere ${await seen(rest, [...rest, stopped])} ms after an orderly stop`)
    await stopping
    t.match(
      first.server.log(),
      new RegExp(`${last.name} \\(${last.id}\\) left`),
      'which is told from a failure',
    )

    await last.start({ args: ['-j', second.url] })
    await seen(hosts, hosts)
    joined.push(last.id)
    t.same(await come(), joined)
    t.same(await gone(), left)

    // Two at once: one is cut off, one stands still until it is dropped, and comes back with what is on it.
    await last.cut()
    stopped.server.child.kill('SIGSTOP')
    t.comment(`both gone everywhere after ${await seen(rest, rest)} ms`)
    await last.heal()
    stopped.server.child.kill('SIGCONT')
    t.comment(`back by themselves after ${await seen(hosts, hosts)} ms`)
    t.match(await first.run(`cat ${first.at(stopped, 'x', 'peek')}`), { stdout: /"Cap": 0/ })

    const both = [last.id, stopped.id].sort()
    t.same((await come()).sort(), both)
    t.same((await gone()).sort(), both)
  },
)

t.test(
  'packets that are lost, and late, and a host that is starved: nobody is dropped',
  { skip: noMount },
  async (t) => {
    const { hosts } = await network(t, 3)
    const [first, far, starved] = hosts as [Host, Host, Host]
    const gone = await Promise.all(hosts.map((host) => events(host, 'leave')))
    await far.delay({ ms: 50, jitterMs: 50, loss: 0.2 })
    const busy = starved.run('for i in 1 2 3 4; do timeout 10 sh -c "while :; do :; done" & done; wait', {
      limit: 60_000,
    })
    await busy
    await far.delay({})
    t.same(await Promise.all(gone.map((events) => events())), [[], [], []])
    t.ok(first.running)
  },
)

t.test(
  'the kernel knows the servers without asking, and hears when they come and go',
  { skip: noMount },
  async (t) => {
    const { hosts } = await network(t, 2)
    const [first, second] = hosts as [Host, Host]
    const far = first.at(second)
    const requests = async (): Promise<number> =>
      Number(/^circuit_fuse_requests_total (\d+)/m.exec((await first.run('cat $S/metrics')).stdout)?.[1])
    const look = `cd ${first.mount}; for i in $(seq 500); do [ -d ${second.id} ] || echo gone; done`
    await first.run(look)
    const before = await requests()
    t.match(await first.run(look), { status: 0, stdout: '' })
    t.ok((await requests()) - before < 100, `five hundred looks cost ${(await requests()) - before} requests`)

    // A shell that looks again and again.
    const looking = first.run(
      `while [ -d ${far} ]; do :; done; stat -c %h $M; until [ -d ${far} ]; do :; done; ls ${far}`,
    )
    await second.cut()
    await seen([first], [first])
    await second.heal()
    t.match(await looking, { status: 0, stdout: /^4\nctl\n/ })
  },
)
