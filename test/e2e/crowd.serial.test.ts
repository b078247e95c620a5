/** Two thousand blocked readers cost memory, and nothing else: the server answers others as fast as without them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { noMount, startServer, type TestServer, until } from '../server.ts'
import { cpuTicks, metric, residentMB } from './measure.ts'
import { compile, fixture, run } from './programs.ts'

/** For each of two files: few processes with many threads, and many processes. */
const THREADED = { processes: 2, threads: 400 }
const SINGLE = { processes: 200, threads: 1 }
const READERS = 2 * (THREADED.processes * THREADED.threads + SINGLE.processes * SINGLE.threads)
/** Rounds are made until the least disturbed of them show what is to be shown: other programs run here too. */
const ROUNDS = { least: 2, most: 10 }
const SIGNALS = ['SIGKILL', 'SIGINT', 'SIGTERM'] as const

const WHAT = ['stat', 'ls', 'process', 'message'] as const
/** Medians, in ms. */
type Answers = Record<(typeof WHAT)[number], number>

const NEVER: Answers = { stat: Infinity, ls: Infinity, process: Infinity, message: Infinity }

function keepLeast(least: Answers, answers: Answers): void {
  for (const what of WHAT) least[what] = Math.min(least[what], answers[what])
}

interface Crowd {
  /** Kills all of it; settles when all have ended. */
  disperse(): Promise<void>
}

async function gather(
  t: Test,
  program: string,
  shape: typeof SINGLE,
  files: readonly string[],
): Promise<Crowd> {
  const args = [String(shape.processes), String(shape.threads), ...files]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => String((await lines.next()).value).trim()
  const pids = (await next()).split(' ').map(Number)
  let over = false
  const kill = (): void => {
    if (!over) for (const [n, pid] of pids.entries()) process.kill(pid, SIGNALS[n % SIGNALS.length])
    over = true
  }
  t.teardown(kill)
  const closed = once(child, 'close')
  return {
    async disperse() {
      kill()
      t.equal(Number(await next()), pids.length, `${pids.length} processes were ended by their signals`)
      await closed
    },
  }
}

/** The server and who measures it share a CPU: to wake another takes several times what is measured, or nothing, by chance. */
const [, cpu = '0'] = /^Cpus_allowed_list:\t(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
const ON_ONE_CPU = ['taskset', '-c', cpu] as const

const measure = async (server: TestServer, anchor: string): Promise<Answers> => {
  const [taskset, ...args] = [...ON_ONE_CPU, 'python3', fixture('answers.py'), server.self, anchor] as const
  return JSON.parse(await run(taskset, args))
}

t.test('two thousand blocked readers', { skip: noMount }, async (t) => {
  const program = compile('crowd')
  const server = await startServer(t, { within: ON_ONE_CPU })
  const pid = server.child.pid ?? 0
  const channel = await server.anchor('mkchan 1')
  const sleeper = await server.anchor('run sleep 1000')
  const files = [`${channel}/recv`, `${sleeper}/wait`]
  const own = await server.anchor('mkchan 1')
  const waiting = (count: number): Promise<void> =>
    until(async () => (await metric(server, 'fuse_requests_waiting')) === count, 60_000)
  await measure(server, own) // once, to warm up
  const without = await measure(server, own)
  const withThem = { ...NEVER }
  const slow = (): boolean => WHAT.some((what) => withThem[what] >= 2 * without[what])

  for (let round = 0; round < ROUNDS.least || (round < ROUNDS.most && slow()); round++) {
    keepLeast(without, await measure(server, own))
    const crowds = [await gather(t, program, THREADED, files), await gather(t, program, SINGLE, files)]
    await waiting(READERS)
    keepLeast(withThem, await measure(server, own))
    if (round === 0) {
      const memory = residentMB(pid)
      t.ok(memory < 120, `the server's memory: ${memory.toFixed(0)} MB`)
      await sleep(500) // what was measured is done with
      const before = cpuTicks(pid)
      await sleep(2000)
      const ticks = cpuTicks(pid) - before
      t.ok(ticks <= 3, `no busy waiting: ${ticks} ticks of CPU time in 2 s`)
    }
    const start = performance.now()
    await Promise.all(crowds.map((crowd) => crowd.disperse()))
    const took = performance.now() - start
    t.ok(took < 5000, `all gone after ${took.toFixed(0)} ms`)
    await waiting(0)
    await until(async () => (await metric(server, 'fuse_open_files')) === 0)
  }

  for (const what of WHAT)
    t.ok(
      withThem[what] < 2 * without[what],
      `${what}: ${without[what].toFixed(3)} ms without, ${withThem[what].toFixed(3)} ms with them`,
    )
  const { stdout } = await server.sh('echo one > $A/send; cat $A/recv; cat $A/peek', { env: { A: channel } })
  t.match(stdout, /^one\n/)
  t.match(stdout, /"NumRecv": 1\n/, 'the dead took nothing')
})
