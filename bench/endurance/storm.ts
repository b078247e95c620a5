/** Servers come and go all the time; soon after all views are right, and subscriptions have told of what was done. */
import { setTimeout as sleep } from 'node:timers/promises'
import { events } from '../../test/network/seen.ts'
import type { Host } from '../../test/network.ts'
import { distribution, type Many, RIGHT_MS } from '../many.ts'
import { type Fact, fact } from '../report.ts'

/** Starts and ends together. */
const PER_MINUTE = 200
/** They stay, and are asked at the end. */
const OBSERVERS = 2
/** Who lived for less need not have been seen by all. */
const SHORT_MS = 3000
/** More programs than that are not loaded at the same time, whatever the rate. */
const MAX_STARTING = 4

/** What was done to an identity, by performance.now(). */
interface Life {
  readonly host: Host
  readonly id: string
  readonly started: number
  ended?: { readonly at: number; readonly what: 'killed' | 'stopped' }
}

export async function storm(many: Many, ms: number): Promise<Fact[]> {
  const observers = many.hosts.slice(0, OBSERVERS)
  const subscriptions = await Promise.all(
    observers.map(async (host) => ({
      host,
      come: await events(host, 'join'),
      gone: await events(host, 'leave'),
    })),
  )
  const lives: Life[] = many.hosts.map((host) => ({ host, id: host.id, started: 0 }))
  const since = performance.now()
  const done = await blow(many, lives, since + ms)
  const took = await many.check('the storm', many.running, many.running, RIGHT_MS)
  // Not one more comes later.
  await sleep(RIGHT_MS)
  await many.check('some time after the storm')
  const size = many.hosts.length
  const wrong: string[] = []
  for (const { host, come, gone } of subscriptions)
    wrong.push(...compare(host, lives, await come(), await gone(), since))
  for (const text of wrong) console.error(`bench: ${text}`)
  const dropped = many.dropped(many.running, since, ({ id, at }) => {
    const ended = lives.find((life) => life.id === id)?.ended
    return ended !== undefined && ended.at <= at
  })
  for (const text of dropped) console.error(`bench: storm: ${text}`)
  return [
    fact(`storm, ${size} hosts: starts and ends a minute`, done / (ms / 60_000), ''),
    fact(`storm, ${size} hosts: starts and ends`, done, ''),
    ...distribution(`storm, ${size} hosts: all views right after the last`, [took], RIGHT_MS, RIGHT_MS).slice(
      1,
    ),
    fact(`storm, ${size} hosts: events missed or invented`, wrong.length, '', { most: 0 }),
    fact(`storm, ${size} hosts: live servers dropped`, dropped.length, '', { most: 0 }),
  ]
}

/** Says how many events there were. */
async function blow(many: Many, lives: Life[], until: number): Promise<number> {
  const starting = new Set<Host>()
  const ending = new Set<Host>()
  const tasks: Promise<void>[] = []
  const movable = many.hosts.slice(OBSERVERS)
  let done = 0
  const begin = async (host: Host): Promise<void> => {
    starting.add(host)
    try {
      await many.start(host)
      lives.push({ host, id: host.id, started: performance.now() })
    } finally {
      starting.delete(host)
    }
  }
  const finish = async (host: Host): Promise<void> => {
    const life = lives.find(({ id }) => id === host.id)
    const what = Math.random() < 0.5 ? 'killed' : 'stopped'
    if (life) life.ended = { at: performance.now(), what }
    ending.add(host)
    await (what === 'killed' ? host.server.kill() : host.server.stop())
    ending.delete(host)
  }
  for (let next = performance.now(); performance.now() < until; next += 60_000 / PER_MINUTE) {
    await sleep(Math.max(0, next - performance.now()))
    const up = movable.filter((host) => host.running && !starting.has(host) && !ending.has(host))
    const down = movable.filter((host) => !host.running && !starting.has(host) && !ending.has(host))
    const start = starting.size < MAX_STARTING && Math.random() * movable.length < down.length + 0.5
    const host = pick(start ? down : up)
    if (host === undefined) continue
    done++
    tasks.push(start ? begin(host) : finish(host))
  }
  await Promise.all(tasks)
  return done
}

const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(Math.random() * from.length)]

/** What a subscription told against what was done, since a time. */
function compare(
  { name }: Host,
  lives: readonly Life[],
  come: readonly string[],
  gone: readonly string[],
  since: number,
): string[] {
  const wrong: string[] = []
  const known = new Map(lives.map((life) => [life.id, life]))
  const count = (ids: readonly string[], id: string): number => ids.filter((other) => other === id).length
  for (const [what, ids] of [
    ['joined', come],
    ['gone', gone],
  ] as const)
    for (const id of new Set(ids))
      if (!known.has(id)) wrong.push(`${name} was told that ${id} has ${what}: there was no such server`)
  for (const { id, host, started, ended } of lives) {
    const [joined, left] = [count(come, id), count(gone, id)]
    const short = ended && ended.at - Math.max(started, since) < SHORT_MS && joined === 0
    const expected = ended ? 1 : 0
    if (short ? left > 0 : joined !== 1 || left !== expected)
      wrong.push(
        `${name} was told ${joined} times that ${id} of ${host.name} joined, ${left} times that it is gone; it ${ended?.what ?? 'runs'}`,
      )
  }
  return wrong
}
