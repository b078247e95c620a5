/**
 * Membership between hosts: what happens to one, and that all others see it, within bounds that hold on a loaded machine too; how
 * long it takes, `npm run bench -- membership` says. CIRCUIT_HOSTS=30 runs it with more hosts than the suite has time for.
 */
import { readdir } from 'node:fs/promises'
import t from 'tap'
import { type Host, network } from '../network.ts'
import { noMount, until } from '../server.ts'

const MANY = Number(process.env.CIRCUIT_HOSTS ?? 10)
const LIMIT_MS = 20_000

/** Awaits that all of them list exactly these; says how long it took the slowest, in ms. */
async function seen(observers: readonly Host[], expected: readonly Host[]): Promise<number> {
  const start = performance.now()
  const ids = expected
    .map(({ id }) => id)
    .sort()
    .join()
  const sees = async ({ mount }: Host): Promise<boolean> =>
    (await readdir(mount))
      .filter((name) => name.startsWith('X'))
      .sort()
      .join() === ids
  await until(async () => (await Promise.all(observers.map(sees))).every(Boolean), LIMIT_MS)
  return Math.round(performance.now() - start)
}

const others = (hosts: readonly Host[], ...without: readonly Host[]): Host[] =>
  hosts.filter((host) => !without.includes(host))

for (const size of [3, MANY])
  t.test(`${size} hosts: kill -9, a start, an orderly stop, a cut`, { skip: noMount }, async (t) => {
    const { hosts } = await network(t, size)
    const [first, second, last] = hosts as [Host, Host, Host]
    const rest = others(hosts, last)

    const { id } = last
    await last.server.kill()
    t.comment(`gone everywhere ${await seen(rest, rest)} ms after kill -9`)
    t.match(await first.run(`LC_ALL=C ls $M/${id}`), { stderr: /Host is down/ })
    t.match(await first.run(`LC_ALL=C cat $M/${id}/peek`), { stderr: /Host is down/ })

    await last.start({ args: ['-j', second.url] })
    t.comment(`seen everywhere ${await seen(hosts, hosts)} ms after its start`)

    const stopping = last.server.stop()
    t.comment(`gone everywhere ${await seen(rest, rest)} ms after an orderly stop`)
    await stopping
    t.match(first.server.log(), new RegExp(`h3 \\(${last.id}\\) left`), 'which is told from a failure')
    t.match(await first.run(`LC_ALL=C ls $M/${last.id}`), { stderr: /No such file/ })

    await last.start({ args: ['-j', second.url] })
    await seen(hosts, hosts)
    await last.cut()
    t.comment(`gone everywhere ${await seen(rest, rest)} ms after it was cut off`)
    await last.heal()
    t.comment(`back by itself after ${await seen(hosts, hosts)} ms`)
  })

t.test(
  'all join through the first, which is killed: nothing changes for the others',
  { skip: noMount },
  async (t) => {
    const { hosts } = await network(t, 5)
    const [first, ...rest] = hosts as [Host, ...Host[]]
    await first.server.kill()
    await seen(rest, rest)
    t.pass('they list each other')
  },
)
