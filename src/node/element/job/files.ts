/** The files and verbs of every kind of job. */
import { type Command, MAX_COMMAND_BYTES } from '../../../proto/command.ts'
import { asCircuitError, CircuitError } from '../../../proto/errors.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  type Handle,
  type OpenMode,
  type Readiness,
  TextHandle,
} from '../../handle.ts'
import { WaitQueue } from '../../wait-queue.ts'
import { expectWords } from '../kind.ts'
import { statusOf } from './exit.ts'
import type { Job } from './job.ts'
import type { Output } from './output.ts'
import { parseSignal } from './signals.ts'

/** An open `wait`: the status, once there is one. */
class WaitHandle extends BaseHandle {
  readonly #job: Job
  #text: TextHandle | undefined

  constructor(job: Job) {
    super()
    this.#job = job
  }

  override read(max: number): Uint8Array | undefined {
    const { exit } = this.#job
    // The status was there before a scrub, if it is there at all.
    if (exit === undefined) this.#job.checkAttached()
    else this.#text ??= new TextHandle(`${statusOf(exit)}\n`)
    return this.#text?.read(max)
  }

  override unread(): void {
    this.#text?.unread()
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#job.await(wake)
  }

  override ready(): Readiness {
    return { readable: this.#job.over, writable: false, hangup: false }
  }

  override watch(changed: () => void): Cancel {
    return this.#job.watch(changed)
  }
}

/** An open `signal`: each write is a signal, and waits until it is sent. */
class SignalHandle extends BaseHandle {
  readonly #job: Job
  readonly #waiters = new WaitQueue()
  /** Of the signal that is being sent. */
  #outcome: 'none' | 'pending' | 'sent' | CircuitError = 'none'

  constructor(job: Job) {
    super()
    this.#job = job
  }

  override write(bytes: Uint8Array): number | undefined {
    if (this.#outcome === 'none') this.#send(bytes)
    const outcome = this.#outcome
    if (outcome === 'pending') return undefined
    this.#outcome = 'none'
    if (outcome instanceof CircuitError) throw outcome
    return bytes.length
  }

  #send(bytes: Uint8Array): void {
    if (bytes.length > MAX_COMMAND_BYTES) throw new CircuitError('EFBIG')
    const sent = this.#job.signal(parseSignal(Buffer.from(bytes).toString('latin1')))
    this.#outcome = 'sent'
    if (sent === undefined) return
    this.#outcome = 'pending'
    const settle = (outcome: 'sent' | CircuitError): void => {
      this.#outcome = outcome
      this.#waiters.wakeAll()
    }
    sent.then(
      () => settle('sent'),
      (error) => settle(asCircuitError(error)),
    )
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#waiters.add(wake)
  }
}

const outputFile = (name: 'stdout' | 'stderr') =>
  ({
    access: 'read',
    nature: 'stream',
    delicate: true,
    help: `what the process writes to its standard ${name === 'stdout' ? 'output' : 'error'}, as it comes; each byte goes to one reader ("log": to every reader)`,
    open: (job: Job): Handle => job[name].open(),
  }) as const

export const JOB_FILES = {
  stdin: {
    access: 'write',
    nature: 'stream',
    help: "the process's standard input: with > the whole of it (the close ends it), with >> a part of it",
    open: (job: Job, mode: OpenMode): Handle => job.stdin.open(mode),
  },
  stdout: outputFile('stdout'),
  stderr: outputFile('stderr'),
  wait: {
    access: 'read',
    nature: 'stream',
    help: 'blocks until the process ends, then says its status as a shell does: 0, 3, 143 (128 + signal)',
    open: (job: Job): Handle => new WaitHandle(job),
  },
  signal: {
    access: 'write',
    nature: 'stream',
    patient: true,
    help: 'write the name or number of a signal to send it: TERM, SIGTERM, 15',
    open: (job: Job): Handle => new SignalHandle(job),
  },
} as const

function outputNamed(job: Job, command: Command): Output {
  const [name] = expectWords(command, 'discard stdout|stderr', 1)
  if (name !== 'stdout' && name !== 'stderr')
    throw new CircuitError('EINVAL', `discard: stdout or stderr, not ${name}`)
  return job[name]
}

export const JOB_VERBS = {
  kill: {
    usage: 'kill',
    help: 'kill the process (SIGKILL)',
    run: (job: Job, command: Command) => {
      expectWords(command, 'kill', 0)
      return job.signal(9)
    },
  },
  close: {
    usage: 'close stdin',
    help: 'end the standard input of the process',
    run: (job: Job, command: Command) => {
      const [name] = expectWords(command, 'close stdin', 1)
      if (name !== 'stdin') throw new CircuitError('EINVAL', `close: only stdin can be closed, not ${name}`)
      job.stdin.end()
    },
  },
  discard: {
    usage: 'discard stdout|stderr',
    help: 'drop this output, what is unread and what comes',
    run: (job: Job, command: Command) => outputNamed(job, command).discard(),
  },
} as const
