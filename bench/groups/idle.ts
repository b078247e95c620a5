/** What a server costs that nobody uses, for a minute. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Circuit, withCircuit } from '../circuit.ts'
import { type Fact, fact, type Group } from '../report.ts'

const SECONDS = 60
/** For the garbage of the start, and what V8 compiles in its own time, to be done with. */
const SETTLE_MS = 3000

export const idle: Group = {
  name: 'idle',
  title: `A server that nobody uses, for ${SECONDS} seconds`,
  run: () =>
    withCircuit({}, (fresh) =>
      withCircuit({}, async (used) => {
        const anchor = await used.anchor('run /bin/true')
        readFileSync(`${anchor}/wait`)
        await sleep(SETTLE_MS)
        const watched = [watch('started just now', fresh), watch('after it has run a process', used)]
        await sleep(SECONDS * 1000)
        return { comparisons: [], facts: watched.flatMap((facts) => facts()) }
      }),
    ),
}

/** Starts counting; the function that it returns says what happened since. */
function watch(what: string, { pid }: Circuit): () => Fact[] {
  const before = usage(pid)
  return () => {
    const after = usage(pid)
    return [
      fact(`wake-ups, ${what}`, after.wakeUps - before.wakeUps, 'in all threads', { most: 0 }),
      fact(`CPU time, ${what}`, (after.ticks - before.ticks) * 10, 'ms', { most: 10 }),
      fact(`resident memory, ${what}`, after.residentBytes / 1e6, 'MB'),
      fact(`memory of its own, ${what}`, after.ownBytes / 1e6, 'MB'),
    ]
  }
}

/** proc_pid_status(5), proc_pid_stat(5), proc_pid_smaps(5). A wake-up is a switch that a thread asked for by waiting. */
function usage(pid: number): { wakeUps: number; ticks: number; residentBytes: number; ownBytes: number } {
  const threads = readdirSync(`/proc/${pid}/task`)
  const wakeUps = threads.map((thread) =>
    field(readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1'), 'voluntary_ctxt_switches'),
  )
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  return {
    wakeUps: wakeUps.reduce((sum, n) => sum + n, 0),
    ticks: Number(stat[11]) + Number(stat[12]),
    residentBytes: field(memory, 'Rss') * 1024,
    ownBytes: (field(memory, 'Private_Clean') + field(memory, 'Private_Dirty')) * 1024,
  }
}

const field = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN)
