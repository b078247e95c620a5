/** `circuit run`: runs a program on one or many servers, as if it ran here. */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:os'
import { asCircuitError } from '../proto/errors.ts'
import { CLIENT_OPTIONS, dial } from './client.ts'
import type { Command } from './command.ts'
import { parseOptionsOfCommand, UsageError } from './options.ts'
import { Job } from './run/job.ts'
import { Lines } from './run/lines.ts'
import { chooseServers } from './run/servers.ts'
import { onStopSignal } from './signals.ts'
import { OutputClosed, standardInput, writeOut } from './stdio.ts'

const OPTIONS = {
  on: {
    type: 'string',
    multiple: true,
    value: 'SERVER',
    help: 'run it on the servers of this name or id, in which * ? and [] may stand; may be given more than once',
  },
  all: { type: 'boolean', help: 'run it on all servers' },
  image: {
    type: 'string',
    value: 'IMAGE',
    help: 'run it in a Docker container of this image, which the engine fetches if it has to (servers with -docker)',
  },
  ...CLIENT_OPTIONS,
} as const

/** How long a program may take to end when it is told to, in ms; then it is killed. */
const GRACE_MS = 3000
/** What a shell says of a program that is not there, or may not be run. */
const START_STATUS: Readonly<Record<string, number>> = { ENOENT: 127, EACCES: 126 }

export const run: Command = {
  summary: 'run a program on servers: its input, output and status are those of this command',
  options: OPTIONS,
  words: ['--', 'CMD', '[ARG…]'],
  details: `Without --on and --all it runs on the server that is dialled. Where there are several, each line of output begins with the
server's name, all get the whole input, and the exit status is the worst. Ctrl-C ends the program everywhere, and nothing
of it is left behind. It reads the standard input: in a loop that reads another list, give it < /dev/null. With --image the program can be left out: the image has one, perhaps.`,
  examples: {
    'on the server that is dialled': 'circuit run -- uname -a',
    'on all servers': 'circuit run --all -- uptime',
    'on each server of a list':
      'while read -r name; do circuit run --on "$name" -- uptime < /dev/null; done < names',
    'in a container': 'circuit run --on web1 --image busybox -- ls /',
    'copy a file to some': `circuit run --on 'web*' --on db1 -- sh -c 'cat > /tmp/config' < config`,
  },
  async run(args) {
    const { values, words } = parseOptionsOfCommand(args, OPTIONS)
    if (words.length === 0 && !values.image) throw new UsageError('there is no program to run')
    if (values.all && values.on) throw new UsageError('--all and --on contradict each other')
    const circuit = await dial(values)
    try {
      const servers = await chooseServers(circuit, values.on, values.all ?? false)
      const name = `run-${randomBytes(6).toString('hex')}`
      return await runAll(servers.map((server) => new Job(circuit, server, name, words, values.image)))
    } finally {
      await circuit.close()
    }
  },
}

/** Waits for jobs to end, and removes what they have made. Gives the worst status. */
async function runAll(jobs: readonly Job[]): Promise<number> {
  const interruption = new Interruption(jobs)
  const tagOf = ({ server }: Job): string => (jobs.length > 1 ? `${server.name}: ` : '')
  const complain = (job: Job, error: unknown): void =>
    console.error(`circuit: ${tagOf(job)}${error instanceof Error ? error.message : String(error)}`)
  void feed(jobs)
  const ends = jobs.map(async (job) => {
    try {
      await job.started()
    } catch (error) {
      if (!interruption.begun) complain(job, error)
      return START_STATUS[asCircuitError(error).code] ?? 1
    }
    try {
      return await follow(job, tagOf(job))
    } catch (error) {
      if (error instanceof OutputClosed) interruption.begin('SIGPIPE')
      else complain(job, error)
      return job.wait().catch(() => 1)
    }
  })
  const worst = Math.max(...(await Promise.all(ends)))
  process.stdin.destroy()
  await Promise.all(jobs.map((job) => job.remove().catch((error) => complain(job, error))))
  return interruption.end() ?? worst
}

/** Copies a job's output here, to its end, and gives its status. */
async function follow(job: Job, tag: string): Promise<number> {
  const copy = async (output: 'stdout' | 'stderr'): Promise<void> => {
    const write = (bytes: Uint8Array): Promise<void> => writeOut(bytes, process[output])
    if (tag === '') return job.copy(output, write)
    const lines = new Lines(tag, write)
    await job.copy(output, (bytes) => lines.push(bytes))
    await lines.end()
  }
  const [status] = await Promise.all([job.wait(), copy('stdout'), copy('stderr')])
  return status
}

/** Gives the standard input to all jobs, until none takes any. */
async function feed(jobs: readonly Job[]): Promise<void> {
  const hungry = new Set(jobs)
  const give = (bytes: Uint8Array | 'end'): Promise<unknown> =>
    Promise.all(Array.from(hungry, (job) => job.feed(bytes).catch(() => hungry.delete(job))))
  try {
    for await (const bytes of standardInput()) {
      await give(bytes)
      if (hungry.size === 0) return
    }
  } catch {
    // Closed here, when all have ended.
  }
  await give('end')
}

/** Signals that end the jobs instead of us: the same one first, KILL if that is not enough or comes again. */
class Interruption {
  readonly #jobs: readonly Job[]
  readonly #letSignals: () => void
  #signal: NodeJS.Signals | undefined
  #patience: NodeJS.Timeout | undefined

  constructor(jobs: readonly Job[]) {
    this.#jobs = jobs
    this.#letSignals = onStopSignal((signal) => this.begin(signal))
  }

  get begun(): boolean {
    return this.#signal !== undefined
  }

  begin(signal: NodeJS.Signals): void {
    const again = this.#signal !== undefined
    this.#signal ??= signal
    const end = (name: string): void => {
      for (const job of this.#jobs) void job.end(name)
    }
    end(again ? 'KILL' : signal.slice(3))
    this.#patience ??= setTimeout(() => end('KILL'), GRACE_MS)
  }

  /** The status of a command that was ended by a signal, as a shell says it; undefined where none came. */
  end(): number | undefined {
    clearTimeout(this.#patience)
    this.#letSignals()
    if (this.#signal === undefined) return undefined
    // So that a shell knows that its loop is to end too. SIGPIPE is ignored by Node.
    if (this.#signal !== 'SIGPIPE') process.kill(process.pid, this.#signal)
    return 128 + constants.signals[this.#signal]
  }
}
