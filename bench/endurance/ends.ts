/** What happens to one server of many, again and again: it is killed, stopped, cut off, stands still. */
import { setTimeout as sleep } from 'node:timers/promises'
import { distribution, type Many, type StartTimes } from '../many.ts'
import { type Fact, fact } from '../report.ts'

/** After which servers that were accused without reason trust themselves again. */
const CAUTIOUS_MS = 4000

/** A time of its own in everybody's round of probes. */
const anyTime = (): Promise<void> => sleep(1000 * Math.random())

/** kill -9 of a server whose host lives, and a start. */
export async function kills(many: Many, rounds: number): Promise<Fact[]> {
  const size = many.hosts.length
  const gone: number[] = []
  const starts: StartTimes[] = []
  for (let round = 0; round < rounds; round++) {
    const victim = many.victim(round)
    await anyTime()
    const since = performance.now()
    await victim.server.kill()
    gone.push(await many.gone(victim, 'is lost', since))
    await anyTime()
    starts.push(await many.timedStart(victim))
  }
  return [...distribution(`kill -9 of 1 of ${size}`, gone, 3000, 6000), ...startFacts(size, starts)]
}

function startFacts(size: number, starts: readonly StartTimes[]): Fact[] {
  const times = (pick: (times: StartTimes) => number): number[] => starts.map(pick)
  return [
    ...distribution(
      `start, ${size} hosts, since it says that it is there`,
      times(({ said }) => said),
      300,
      1000,
    ),
    ...distribution(
      `start, ${size} hosts, since Node has loaded it`,
      times(({ created }) => created),
    ),
    ...distribution(
      `start, ${size} hosts, since exec`,
      times(({ exec }) => exec),
    ),
  ]
}

/** An orderly stop, which others tell from a failure. */
export async function stops(many: Many, rounds: number): Promise<Fact[]> {
  const size = many.hosts.length
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const victim = many.victim(round)
    await anyTime()
    const since = performance.now()
    const stopping = victim.server.stop()
    times.push(await many.gone(victim, 'left', since))
    await stopping
    await many.start(victim)
    await many.check(`after the start of ${victim.name}`)
  }
  return distribution(`orderly stop of 1 of ${size}`, times, 300, 1000)
}

/** A host's cable is pulled, and put back. */
export async function cuts(many: Many, rounds: number): Promise<Fact[]> {
  const size = many.hosts.length
  const gone: number[] = []
  const back: number[] = []
  for (let round = 0; round < rounds; round++) {
    const victim = many.victim(round)
    const others = many.others(victim)
    // Who came back has accused the others: for some seconds they trust themselves less, and are slower.
    await sleep(CAUTIOUS_MS)
    await anyTime()
    const since = performance.now()
    await victim.cut()
    gone.push((await many.listener.all(others, ['is lost'], victim.id, since)) - since)
    await many.check(`after ${victim.name} was cut off`, others, others)
    const healed = performance.now()
    await victim.heal()
    back.push((await many.listener.all(others, ['joined'], victim.id, healed)) - healed)
    await many.check(`after ${victim.name} was back`)
  }
  return [
    ...distribution(`1 of ${size} cut off`, gone, 5000, 10_000),
    ...distribution(`1 of ${size} back on the network`, back, 10_000, 10_000),
  ]
}

/** A host's server is killed, and another one is there at once under the same name and address. */
export async function replacements(many: Many, rounds: number): Promise<Fact[]> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const victim = many.victim(round)
    const { id } = victim
    const others = many.others(victim)
    const since = performance.now()
    await victim.server.kill()
    await many.start(victim)
    const here = await many.listener.all(others, ['joined'], victim.id, since)
    const gone = await many.listener.all(others, ['is lost'], id, since)
    times.push(Math.max(here, gone) - since)
    await many.check(`after ${victim.name} had a new identity`)
  }
  return distribution(
    `1 of ${many.hosts.length} killed and started at once, since the kill`,
    times,
    10_000,
    10_000,
  )
}

/** SIGSTOP for two seconds: nobody is dropped. For longer: it is, and comes back by itself, with its elements. */
export async function pauses(many: Many, rounds: number, longMs: number): Promise<Fact[]> {
  const size = many.hosts.length
  const before = performance.now()
  for (let round = 0; round < rounds; round++) {
    const { child } = many.victim(round).server
    await anyTime()
    child.kill('SIGSTOP')
    await sleep(2000)
    child.kill('SIGCONT')
    await sleep(1000)
  }
  // Long enough that a suspicion of before would have ended.
  await sleep(8000)
  const dropped = many.dropped(many.hosts, before)
  const back: number[] = []
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const victim = many.victim(round)
    const others = many.others(victim)
    const anchor = await victim.server.anchor('mkchan 7')
    const far = anchor.slice(victim.self.length + 1)
    const since = performance.now()
    victim.server.child.kill('SIGSTOP')
    await many.listener.all(others, ['is lost'], victim.id, since)
    await many.check(`while ${victim.name} stood still`, others, others)
    await sleep(Math.max(0, longMs - (performance.now() - since)))
    const continued = performance.now()
    victim.server.child.kill('SIGCONT')
    back.push((await many.listener.all(others, ['joined'], victim.id, continued)) - continued)
    await many.check(`after ${victim.name} went on`)
    const looker = others[0] ?? victim
    const { stdout, stderr } = await looker.run('cat "$P"', { env: { P: `${looker.at(victim, far)}/peek` } })
    if (!stdout.includes('"Cap": 7'))
      many.wrong.push(`${victim.name} came back without its elements: ${stderr}`)
  }
  return [
    fact(`dropped in ${rounds} times SIGSTOP for 2 s, ${size} hosts`, dropped.length, '', { most: 0 }),
    ...distribution(`1 of ${size} back after ${longMs / 1000} s of SIGSTOP`, back, 5000, 5000),
  ]
}
