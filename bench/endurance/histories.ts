/** Circuits that were made, broken and mended in ways of which none may leave a trace. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seen } from '../../test/network/seen.ts'
import { distribution, type Many, RIGHT_MS, withMany } from '../many.ts'
import { type Fact, fact } from '../report.ts'

/** How long a bad link is looked at. */
const ASYMMETRIC_MS = 30_000
/** One server of each circuit calls out once a minute, or a quarter more. */
const MEETING_MS = 80_000

/** All join through the first, or each through the one before it; then one that others joined through is killed. */
export async function joins(size: number): Promise<Fact[]> {
  return [
    ...(await joined(size, 'all through the first, which is killed', () => 0, 0)),
    ...(await joined(size, 'a chain whose middle is killed', (index) => index - 1, size >> 1)),
  ]
}

function joined(
  size: number,
  what: string,
  through: (index: number) => number,
  killed: number,
): Promise<Fact[]> {
  return withMany(
    size,
    async (many) => {
      for (const host of many.hosts)
        await many.start(host, host.index === 0 ? [] : ['-j', many.hosts[through(host.index)]?.url ?? ''])
      await many.check(`joined: ${what}`, many.hosts, many.hosts, RIGHT_MS)
      const victim = many.victim(killed)
      const since = performance.now()
      await victim.server.kill()
      const times = [await many.gone(victim, 'is lost', since)]
      await sleep(5000)
      await many.check(`joined: ${what}, later`)
      return [
        ...distribution(`joined: ${what}, ${size} hosts`, times, RIGHT_MS, RIGHT_MS),
        ...wrongs(many, what),
      ]
    },
    { args: [], running: false },
  )
}

/** Both halves for some time on their own, then one again. */
export async function halves(many: Many, ms: number): Promise<Fact[]> {
  const { hosts } = many
  const half = hosts.slice(0, hosts.length >> 1)
  const rest = hosts.slice(half.length)
  await many.network.split(half)
  await sleep(ms)
  await many.check('split in halves', half, half)
  await many.check('split in halves', rest, rest)
  await many.network.split([])
  const took = await many.check('healed', hosts, hosts, 3 * RIGHT_MS)
  return distribution(
    `healed after ${ms / 1000} s in halves, ${hosts.length} hosts`,
    [took],
    RIGHT_MS,
    RIGHT_MS,
  )
}

/** Two circuits that never knew of each other, and are on one network from some moment on. */
export function strangers(size: number): Promise<Fact[]> {
  return withMany(
    size,
    async (many) => {
      const { hosts } = many
      const half = hosts.slice(0, size >> 1)
      const rest = hosts.slice(half.length)
      await many.network.split(half)
      await Promise.all(hosts.map((host) => many.start(host)))
      await many.check('one of two circuits', half, half, RIGHT_MS)
      await many.check('the other circuit', rest, rest, RIGHT_MS)
      await many.network.split([])
      const took = await many.check('two circuits that have met', hosts, hosts, 2 * MEETING_MS)
      const what = `two circuits that never met become one, ${size} hosts`
      return [...distribution(what, [took], MEETING_MS, MEETING_MS).slice(1), ...wrongs(many, 'strangers')]
    },
    { running: false },
  )
}

/** What one server sends to another is lost, and only that. */
export async function asymmetric(many: Many): Promise<Fact[]> {
  const [a, b] = [many.victim(0), many.victim(1)]
  const since = performance.now()
  await a.misdirect(b)
  await sleep(ASYMMETRIC_MS)
  await a.redirect(b)
  await seen(many.hosts, many.hosts)
  const dropped = many.dropped(many.hosts, since)
  many.wrong.push(...dropped.map((text) => `asymmetric: ${text}`))
  const what = `live servers dropped in ${ASYMMETRIC_MS / 1000} s in which one does not reach another, ${many.hosts.length} hosts`
  return [fact(what, dropped.length, '', { most: 0 })]
}

export const wrongs = (many: Many, what: string): Fact[] => {
  for (const text of many.wrong) console.error(`bench: ${text}`)
  return [fact(`wrong views, ${many.hosts.length} hosts, ${what}`, many.wrong.length, '', { most: 0 })]
}
