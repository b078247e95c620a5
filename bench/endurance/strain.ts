/** What is hard on live servers, and ends none: nobody may be dropped by one that is not starved. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Host } from '../../test/network.ts'
import type { Many } from '../many.ts'
import { end, start } from '../programs.ts'
import { type Fact, fact } from '../report.ts'

/** Beside one server, on one CPU with it. */
const BUSY_LOOPS = 6
/** Of every path from one host to another, which has two wires, a fifth of all packets is lost: 1 − √0.8 on each. */
const LOSS = 1 - Math.sqrt(0.8)
/** So many ms more or less. */
const JITTER = 50
/** In which a suspicion of before ends. */
const CALM_MS = 10_000

/** Each for so long. */
export async function strains(many: Many, ms: number): Promise<Fact[]> {
  return [
    await starved(many, ms),
    await onBadWires(many, ms, '20 % loss', { loss: LOSS }),
    await onBadWires(many, ms, `${2 * JITTER} ms jitter`, { ms: JITTER / 2, jitterMs: JITTER / 2 }),
    await onBadWires(many, ms, 'both', { loss: LOSS, ms: JITTER / 2, jitterMs: JITTER / 2 }),
  ]
}

async function starved(many: Many, ms: number): Promise<Fact> {
  const victim = many.victim(1)
  const since = performance.now()
  await victim.run(`taskset -apc 0 ${victim.server.child.pid}`)
  const loop = `exec taskset -c 0 timeout ${Math.ceil(ms / 1000)} sh -c 'while :; do :; done'`
  const loops = Array.from({ length: BUSY_LOOPS }, () => start(['sh', '-c', loop]))
  try {
    await sleep(ms)
  } finally {
    await Promise.all(loops.map(end))
    await victim.run(`taskset -apc 0-1023 ${victim.server.child.pid}`)
  }
  await sleep(CALM_MS)
  return verdict(many, `${BUSY_LOOPS} busy loops beside one`, ms, since, many.others(victim))
}

async function onBadWires(
  many: Many,
  ms: number,
  what: string,
  quality: Parameters<Host['delay']>[0],
): Promise<Fact> {
  // To lay a wire a host is off the network for a moment.
  for (const host of many.hosts) await host.delay({})
  await sleep(CALM_MS)
  const since = performance.now()
  await Promise.all(many.hosts.map((host) => host.delay(quality)))
  await sleep(ms)
  await Promise.all(many.hosts.map((host) => host.delay({})))
  await sleep(CALM_MS)
  return verdict(many, what, ms, since, many.hosts)
}

async function verdict(
  many: Many,
  what: string,
  ms: number,
  since: number,
  observers: readonly Host[],
): Promise<Fact> {
  const dropped = many.dropped(observers, since)
  for (const one of dropped) many.wrong.push(`${what}: ${one}`)
  await many.check(`after ${what}`)
  const name = `live servers dropped in ${ms / 1000} s, ${many.hosts.length} hosts, ${what}`
  return fact(name, dropped.length, '', { most: 0 })
}
