/** A process: started by its anchor's ctl, with its streams, its end and its signals as files. */
import { CircuitError } from '../../proto/errors.ts'
import { count, flag, oneOf, parseFields, text, texts, type Values } from './fields.ts'
import type { Exit } from './job/exit.ts'
import { JOB_FILES, JOB_VERBS } from './job/files.ts'
import { Input } from './job/input.ts'
import { Job } from './job/job.ts'
import { MAX_LOG_BYTES, makeOutput, POLICIES } from './job/output.ts'
import { parseSignal } from './job/signals.ts'
import { type Birth, defineKind, expectWords, type Kind } from './kind.ts'
import { PipeSink } from './process/pipe-sink.ts'
import { PipeSource } from './process/pipe-source.ts'
import { processState } from './process/proc.ts'
import type { Child } from './process/spawner.ts'
import { findUser, type User } from './process/user.ts'

const policies = oneOf(...POLICIES)
const FIELDS = {
  Path: text,
  Args: texts,
  Env: texts,
  Dir: text,
  Scrub: flag,
  User: text,
  Detach: flag,
  Stdout: policies,
  Stderr: policies,
  Log: count(1, MAX_LOG_BYTES),
} as const

/** What to run and how: the fields of `mkproc`. */
export type ProcessSpec = Values<typeof FIELDS> & { readonly Path: string }

export class Process extends Job {
  readonly #spec: ProcessSpec
  readonly #pid: number
  readonly #started = new Date()
  #finished: Date | undefined

  private constructor(spec: ProcessSpec, birth: Birth, { pid, pipes, exited }: Child) {
    const output = (fd: number | undefined) => (fd === undefined ? undefined : new PipeSource(fd))
    const streams = {
      stdin: new Input(new PipeSink(pipes.stdin)),
      stdout: makeOutput(output(pipes.stdout), spec.Stdout, spec.Log),
      stderr: makeOutput(output(pipes.stderr), spec.Stderr, spec.Log),
    }
    super(streams, birth, spec.Scrub)
    this.#spec = spec
    this.#pid = pid
    void exited.then((exit) => {
      this.#finished = new Date()
      this.ended(exit, leftBehind(pid))
    })
  }

  /** Starts a process. @throws CircuitError when the program can't be started */
  static async start(spec: ProcessSpec, birth: Birth): Promise<Process> {
    if (process.platform !== 'linux')
      throw new CircuitError('EOPNOTSUPP', `this server runs on ${process.platform}: it makes no processes`)
    const user = spec.User === undefined ? undefined : await findUser(spec.User, birth.signal)
    const request = {
      file: spec.Path,
      args: spec.Args ?? [],
      env: environment(spec.Env, user),
      dir: spec.Dir ?? '/',
      ...(user && { user: { uid: user.uid, gid: user.gid } }),
      outputs: [outputKind(spec.Stdout), outputKind(spec.Stderr)] as const,
    }
    const made = new Process(spec, birth, await birth.host.spawner.spawn(request, spec.Detach ?? false))
    if (birth.signal.aborted) made.#undo()
    return made
  }

  override get kind(): Kind {
    return processKind
  }

  override peek(): unknown {
    const {
      Env = [],
      Dir = '/',
      Path,
      Args = [],
      Scrub = false,
      User = '',
      Detach = false,
      Stdout = 'pipe',
      Stderr = 'pipe',
    } = this.#spec
    return {
      Cmd: { Env, Dir, Path, Args, Scrub, User, Detach, Stdout, Stderr },
      Exit: exitSentence(this.exit),
      Phase: this.#phase(),
      Pid: this.#pid,
      ExitCode: this.exit?.code ?? null,
      Signal: this.exit?.signal ?? null,
      Started: this.#started.toISOString(),
      Finished: this.#finished?.toISOString() ?? null,
    }
  }

  #phase(): 'running' | 'stopped' | 'exited' | 'signaled' {
    if (this.exit) return this.exit.signal === null ? 'exited' : 'signaled'
    return processState(this.#pid) === 'T' ? 'stopped' : 'running'
  }

  /**
   * Sends a signal to the process, or to all of its group, which it may have left behind.
   * @throws CircuitError ESRCH after its end
   */
  override signal(number: number, group = false): void {
    // As long as no other process has the number, a group of that number is still this one's.
    const leftBehind = group && this.exit !== undefined && processState(this.#pid) === undefined
    if (leftBehind) this.checkAttached()
    else this.checkRunning()
    this.#kill(number, group)
  }

  #kill(number: number, group = false): void {
    try {
      process.kill(group ? -this.#pid : this.#pid, number)
    } catch (cause) {
      const gone = (cause as NodeJS.ErrnoException).code === 'ESRCH'
      throw new CircuitError(
        gone ? 'ESRCH' : 'EACCES',
        gone ? 'the process has ended' : 'this server may not signal the process',
        { cause },
      )
    }
  }

  /** Whoever asked for it was interrupted: it has never been. */
  #undo(): void {
    this.#kill(9)
    this.scrub()
  }
}

const outputKind = (policy: ProcessSpec['Stdout']): 'pipe' | 'null' =>
  policy === 'discard' ? 'null' : 'pipe'

/** The environment: as given, or the server's own, with what a login sets for another user. */
function environment(given: readonly string[] | undefined, user: User | undefined): Record<string, string> {
  if (given) return Object.fromEntries(given.map(splitVariable))
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const login = user && { HOME: user.home, USER: user.name, LOGNAME: user.name, SHELL: user.shell }
  return { ...Object.fromEntries(inherited), ...login }
}

function splitVariable(variable: string): [string, string] {
  const at = variable.indexOf('=')
  if (at < 1)
    throw new CircuitError('EINVAL', `Env holds strings like "NAME=value", not ${JSON.stringify(variable)}`)
  return [variable.slice(0, at), variable.slice(at + 1)]
}

function exitSentence(exit: Exit | undefined): string | null {
  if (exit === undefined || exit.code === 0) return null
  return exit.signal === null ? `exit status ${exit.code}` : `signal: ${exit.signal}`
}

/** A process may leave others of its group running; they are on their own, but not unnoticed. */
function leftBehind(pid: number): string {
  try {
    process.kill(-pid, 0)
    return '; it left processes of its group running'
  } catch {
    return ''
  }
}

async function makeProcess(spec: Values<typeof FIELDS>, birth: Birth): Promise<Process> {
  const { Path } = spec
  if (!Path)
    throw new CircuitError('EINVAL', 'mkproc: the field Path is missing: it names the program to run')
  return Process.start({ ...spec, Path }, birth)
}

const SIGNAL = 'signal NAME [group]'

export const processKind: Kind = defineKind<Process>({
  name: 'proc',
  files: JOB_FILES,
  verbs: {
    signal: {
      usage: SIGNAL,
      help: 'send a signal to the process: TERM, SIGTERM, term or 15; with group, also to all that it started',
      run: (process, command) => {
        const [name = '', group] = expectWords(command, SIGNAL, 1, 2)
        if (group !== undefined && group !== 'group')
          throw new CircuitError('EINVAL', `signal: usage: ${SIGNAL}, not ${group}`)
        process.signal(parseSignal(name), group !== undefined)
      },
    },
    ...JOB_VERBS,
  },
  makers: {
    mkproc: {
      usage:
        'mkproc {"Path":"/bin/ls","Args":["/"],"Env":["K=V"],"Dir":"/","Scrub":false,"User":"nobody","Detach":false,"Stdout":"pipe","Stderr":"pipe","Log":1048576}',
      help: 'run a program; only Path must be there. Stdout and Stderr: "pipe" waits for readers, "log" keeps the last Log bytes, "discard" drops',
      make: (command, birth) => makeProcess(parseFields(command, FIELDS), birth),
    },
    run: {
      usage: 'run CMD [ARG]…',
      help: 'run a program, in words quoted as in a shell',
      make: (command, birth) => {
        const [Path = '', ...Args] = expectWords(command, 'run CMD [ARG]…', 1, Number.POSITIVE_INFINITY)
        return makeProcess({ Path, Args }, birth)
      },
    },
  },
})
