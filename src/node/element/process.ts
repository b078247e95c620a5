/** A process: started by its anchor's ctl, with its streams, its end and its signals as files. */
import { type Command, MAX_COMMAND_BYTES } from '../../proto/command.ts'
import { CircuitError } from '../../proto/errors.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  type Handle,
  type OpenMode,
  type Readiness,
  TextHandle,
} from '../handle.ts'
import { WaitQueue, Watchers } from '../wait-queue.ts'
import { count, flag, oneOf, parseFields, text, texts, type Values } from './fields.ts'
import { type Birth, defineKind, type Element, expectWords, type Kind } from './kind.ts'
import { Input } from './process/input.ts'
import { LogOutput, noOutput, type Output, PipeOutput } from './process/output.ts'
import { processState } from './process/proc.ts'
import { parseSignal, shellStatus } from './process/signals.ts'
import type { Child, Exit } from './process/spawner.ts'
import { findUser, type User } from './process/user.ts'

/** Bytes that `"log"` keeps of an output, unless told otherwise. */
export const DEFAULT_LOG_BYTES = 1 << 20
const MAX_LOG_BYTES = 1 << 28

const policies = oneOf('pipe', 'discard', 'log')
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

export class Process implements Element {
  readonly #spec: ProcessSpec
  readonly #birth: Birth
  readonly #pid: number
  readonly #started = new Date()
  #finished: Date | undefined
  #exit: Exit | undefined
  #scrubbed = false
  readonly #waiters = new WaitQueue()
  readonly #watchers = new Watchers()
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output

  private constructor(spec: ProcessSpec, birth: Birth, child: Child) {
    this.#spec = spec
    this.#birth = birth
    this.#pid = child.pid
    this.stdin = new Input(child.pipes.stdin)
    this.stdout = makeOutput(child.pipes.stdout, spec.Stdout, spec.Log)
    this.stderr = makeOutput(child.pipes.stderr, spec.Stderr, spec.Log)
  }

  /** Starts a process. @throws CircuitError when the program can't be started */
  static async start(spec: ProcessSpec, birth: Birth): Promise<Process> {
    const user = spec.User === undefined ? undefined : await findUser(spec.User, birth.signal)
    const request = {
      file: spec.Path,
      args: spec.Args ?? [],
      env: environment(spec.Env, user),
      dir: spec.Dir ?? '/',
      ...(user && { user: { uid: user.uid, gid: user.gid } }),
      outputs: [outputKind(spec.Stdout), outputKind(spec.Stderr)] as const,
    }
    const child = await birth.host.spawner.spawn(request, spec.Detach ?? false)
    const made = new Process(spec, birth, child)
    void child.exited.then((exit) => made.#ended(exit))
    if (birth.signal.aborted) made.undo()
    return made
  }

  get kind(): Kind {
    return processKind
  }

  get alive(): boolean {
    return this.#exit === undefined
  }

  get exit(): Exit | undefined {
    return this.#exit
  }

  /** Nobody has to wait for its end any more. */
  get over(): boolean {
    return this.#exit !== undefined || this.#scrubbed
  }

  peek(): unknown {
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
      Exit: exitSentence(this.#exit),
      Phase: this.#phase(),
      Pid: this.#pid,
      ExitCode: this.#exit?.code ?? null,
      Signal: this.#exit?.signal ?? null,
      Started: this.#started.toISOString(),
      Finished: this.#finished?.toISOString() ?? null,
    }
  }

  #phase(): 'running' | 'stopped' | 'exited' | 'signaled' {
    if (this.#exit) return this.#exit.signal === null ? 'exited' : 'signaled'
    return processState(this.#pid) === 'T' ? 'stopped' : 'running'
  }

  /**
   * Sends a signal to the process, or to all of its group, which it may have left behind.
   * @throws CircuitError ESRCH after its end
   */
  signal(number: number, group = false): void {
    this.checkAttached()
    // As long as no other process has the number, a group of that number is still this one's.
    const leftBehind = group && processState(this.#pid) === undefined
    if (this.#exit && !leftBehind) throw new CircuitError('ESRCH', 'the process has ended')
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
  undo(): void {
    this.#kill(9)
    this.scrub()
  }

  scrub(): void {
    this.#scrubbed = true
    this.stdin.scrub()
    this.stdout.scrub()
    this.stderr.scrub()
    this.#waiters.wakeAll()
    this.#watchers.notify()
  }

  checkAttached(): void {
    if (this.#scrubbed) throw new CircuitError('ECANCELED', 'the process was scrubbed')
  }

  await(wake: () => void): Cancel {
    return this.#waiters.add(wake)
  }

  watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  #ended(exit: Exit): void {
    this.#exit = exit
    this.#finished = new Date()
    this.stdin.close()
    const { host, path, detach } = this.#birth
    host.log.add({ operation: 'exit', path, outcome: `${statusOf(exit)}${leftBehind(this.#pid)}` })
    this.#waiters.wakeAll()
    this.#watchers.notify()
    if (!this.#spec.Scrub || this.#scrubbed) return
    this.stdout.release()
    this.stderr.release()
    detach()
  }
}

const outputKind = (policy: ProcessSpec['Stdout']): 'pipe' | 'null' =>
  policy === 'discard' ? 'null' : 'pipe'

function makeOutput(
  fd: number | undefined,
  policy: ProcessSpec['Stdout'],
  limit = DEFAULT_LOG_BYTES,
): Output {
  if (fd === undefined) return noOutput
  return policy === 'log' ? new LogOutput(fd, limit) : new PipeOutput(fd)
}

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

const statusOf = (exit: Exit): number => (exit.signal === null ? (exit.code ?? 0) : shellStatus(exit.signal))

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

/** An open `wait`: the status, once there is one. */
class WaitHandle extends BaseHandle {
  readonly #process: Process
  #text: TextHandle | undefined

  constructor(process: Process) {
    super()
    this.#process = process
  }

  override read(max: number): Uint8Array | undefined {
    const { exit } = this.#process
    // The status was there before a scrub, if it is there at all.
    if (exit === undefined) this.#process.checkAttached()
    else this.#text ??= new TextHandle(`${statusOf(exit)}\n`)
    return this.#text?.read(max)
  }

  override unread(): void {
    this.#text?.unread()
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#process.await(wake)
  }

  override ready(): Readiness {
    return { readable: this.#process.over, writable: false, hangup: false }
  }

  override watch(changed: () => void): Cancel {
    return this.#process.watch(changed)
  }
}

/** An open `signal`: each write is a signal. */
class SignalHandle extends BaseHandle {
  readonly #process: Process

  constructor(process: Process) {
    super()
    this.#process = process
  }

  override write(bytes: Uint8Array): number {
    if (bytes.length > MAX_COMMAND_BYTES) throw new CircuitError('EFBIG')
    this.#process.signal(parseSignal(Buffer.from(bytes).toString('latin1')))
    return bytes.length
  }
}

const outputFile = (name: 'stdout' | 'stderr') =>
  ({
    access: 'read',
    nature: 'stream',
    delicate: true,
    help: `what the process writes to its standard ${name === 'stdout' ? 'output' : 'error'}, as it comes; each byte goes to one reader ("log": to every reader)`,
    open: (process: Process): Handle => process[name].open(),
  }) as const

async function makeProcess(spec: Values<typeof FIELDS>, birth: Birth): Promise<Process> {
  const { Path } = spec
  if (!Path)
    throw new CircuitError('EINVAL', 'mkproc: the field Path is missing: it names the program to run')
  return Process.start({ ...spec, Path }, birth)
}

function outputNamed(process: Process, command: Command): Output {
  const [name] = expectWords(command, 'discard stdout|stderr', 1)
  if (name !== 'stdout' && name !== 'stderr')
    throw new CircuitError('EINVAL', `discard: stdout or stderr, not ${name}`)
  return process[name]
}

export const processKind: Kind = defineKind<Process>({
  name: 'proc',
  files: {
    stdin: {
      access: 'write',
      nature: 'stream',
      help: "the process's standard input: with > the whole of it (the close ends it), with >> a part of it",
      open: (process, mode: OpenMode) => process.stdin.open(mode),
    },
    stdout: outputFile('stdout'),
    stderr: outputFile('stderr'),
    wait: {
      access: 'read',
      nature: 'stream',
      help: 'blocks until the process ends, then says its status as a shell does: 0, 3, 143 (128 + signal)',
      open: (process) => new WaitHandle(process),
    },
    signal: {
      access: 'write',
      nature: 'stream',
      help: 'write the name or number of a signal to send it: TERM, SIGTERM, 15',
      open: (process) => new SignalHandle(process),
    },
  },
  verbs: {
    signal: {
      usage: 'signal NAME [group]',
      help: 'send a signal to the process: TERM, SIGTERM, term or 15; with group, also to all that it started',
      run: (process, command) => {
        const [name = '', group] = expectWords(command, 'signal NAME [group]', 1, 2)
        if (group !== undefined && group !== 'group')
          throw new CircuitError('EINVAL', `signal: usage: signal NAME [group], not ${group}`)
        process.signal(parseSignal(name), group !== undefined)
      },
    },
    kill: {
      usage: 'kill',
      help: 'kill the process (SIGKILL)',
      run: (process, command) => {
        expectWords(command, 'kill', 0)
        process.signal(9)
      },
    },
    close: {
      usage: 'close stdin',
      help: 'end the standard input of the process',
      run: (process, command) => {
        const [name] = expectWords(command, 'close stdin', 1)
        if (name !== 'stdin') throw new CircuitError('EINVAL', `close: only stdin can be closed, not ${name}`)
        process.stdin.end()
      },
    },
    discard: {
      usage: 'discard stdout|stderr',
      help: 'drop this output, what is unread and what comes',
      run: (process, command) => outputNamed(process, command).discard(),
    },
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
