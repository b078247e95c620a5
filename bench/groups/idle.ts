/** What a server costs that nobody uses, beside a Node that does nothing. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { withCircuit } from '../circuit.ts'
import { end, start } from '../programs.ts'
import { type Fact, fact, type Group } from '../report.ts'

/** V8 collects garbage until ten seconds after the last work. */
const SETTLE_MS = 20_000
const MINUTE_MS = 60_000

export const idle: Group = {
  name: 'idle',
  title: 'A server that nobody uses, for a minute',
  run: () =>
    withNode((node) =>
      withCircuit({}, (fresh) =>
        withCircuit({}, async (used) => {
          const before = threads(used.pid)
          readFileSync(`${await used.anchor('run /bin/true')}/wait`)
          const starter = threads(used.pid).filter((thread) => !before.includes(thread))
          const watched = [
            { name: 'a Node that does nothing', pid: node, loops: [node] },
            { name: 'a server, just started', pid: fresh.pid, loops: [fresh.pid], limited: true },
            { name: 'after running a process', pid: used.pid, loops: [used.pid, ...starter], limited: true },
          ]
          return { comparisons: [], facts: await watchAll(watched) }
        }),
      ),
    ),
}

interface Watched {
  readonly name: string
  readonly pid: number
  /** The threads with an event loop that runs JavaScript: what wakes these is ours. The rest is V8's and libuv's. */
  readonly loops: readonly number[]
  readonly limited?: boolean
}

/** A Node that does nothing, for the time of a function. */
async function withNode<T>(fn: (pid: number) => Promise<T>): Promise<T> {
  const running = start([process.execPath, '-e', 'setInterval(() => {}, 2 ** 31 - 1)'])
  try {
    return await fn(running.child.pid ?? 0)
  } finally {
    await end(running)
  }
}

async function watchAll(watched: readonly Watched[]): Promise<Fact[]> {
  await sleep(SETTLE_MS)
  const finish = watched.map(watch)
  await sleep(MINUTE_MS)
  return [...finish.flatMap((facts) => facts()), ...watched.flatMap(memoryFacts)]
}

/** Starts counting; the function that it returns says what happened since. */
function watch({ name, pid, loops, limited }: Watched): () => Fact[] {
  const others = threads(pid).filter((thread) => !loops.includes(thread))
  const before = { loops: activity(pid, loops), others: activity(pid, others) }
  return () => {
    const own = difference(activity(pid, loops), before.loops)
    const other = difference(activity(pid, others), before.others)
    return [
      fact(`wake-ups, ${name}`, own.wakeUps, 'of event loops', limited ? { most: 0 } : {}),
      fact(`wake-ups, ${name}`, other.wakeUps, "of V8's threads"),
      fact(`CPU time, ${name}`, own.milliseconds + other.milliseconds, 'ms', limited ? { most: 1 } : {}),
    ]
  }
}

const threads = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).map(Number)

interface Activity {
  readonly wakeUps: number
  readonly milliseconds: number
}

/** proc_pid_status(5): a wake-up is a switch that a thread asked for by waiting. /proc/PID/schedstat: ns on a CPU. */
function activity(pid: number, threads: readonly number[]): Activity {
  let wakeUps = 0
  let milliseconds = 0
  for (const thread of threads) {
    const file = (name: string): string => readFileSync(`/proc/${pid}/task/${thread}/${name}`, 'latin1')
    wakeUps += field(file('status'), 'voluntary_ctxt_switches')
    milliseconds += Number(file('schedstat').split(' ')[0]) / 1e6
  }
  return { wakeUps, milliseconds }
}

const difference = (now: Activity, before: Activity): Activity => ({
  wakeUps: now.wakeUps - before.wakeUps,
  milliseconds: now.milliseconds - before.milliseconds,
})

/** proc_pid_smaps(5). What is its own is what another process of the same program would cost again. */
function memoryFacts({ name: what, pid }: Watched): Fact[] {
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const kibibytes = (...names: string[]): number => names.reduce((sum, name) => sum + field(memory, name), 0)
  return [
    fact(`resident memory, ${what}`, (kibibytes('Rss') * 1024) / 1e6, 'MB'),
    fact(`memory of its own, ${what}`, (kibibytes('Private_Clean', 'Private_Dirty') * 1024) / 1e6, 'MB'),
  ]
}

const field = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN)
