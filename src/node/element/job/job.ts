/** What a process and a container have in common: streams, an end that is waited for, and life after a scrub. */
import { CircuitError } from '../../../proto/errors.ts'
import type { Cancel } from '../../handle.ts'
import { WaitQueue, Watchers } from '../../wait-queue.ts'
import type { Birth, Element, Kind } from '../kind.ts'
import { type Exit, statusOf } from './exit.ts'
import type { Input } from './input.ts'
import type { Output } from './output.ts'

export interface Streams {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
}

export abstract class Job implements Element {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  protected readonly birth: Birth
  /** It leaves its anchor when it ends. */
  protected readonly leaves: boolean
  #exit: Exit | undefined
  #scrubbed = false
  readonly #waiters = new WaitQueue()
  readonly #watchers = new Watchers()

  protected constructor({ stdin, stdout, stderr }: Streams, birth: Birth, leaves = false) {
    this.stdin = stdin
    this.stdout = stdout
    this.stderr = stderr
    this.birth = birth
    this.leaves = leaves
  }

  abstract get kind(): Kind
  abstract peek(): unknown
  /** Sends a signal. @throws CircuitError ESRCH after its end */
  abstract signal(number: number): void | Promise<void>

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

  get scrubbed(): boolean {
    return this.#scrubbed
  }

  scrub(): void | Promise<void> {
    this.#scrubbed = true
    this.stdin.scrub()
    this.stdout.scrub()
    this.stderr.scrub()
    this.tell()
  }

  /** @throws CircuitError where its end can't be waited for, nor anything be done to it */
  checkAttached(): void {
    if (this.#scrubbed) throw new CircuitError('ECANCELED')
  }

  /** @throws CircuitError ESRCH */
  checkRunning(): void {
    this.checkAttached()
    if (this.#exit) throw new CircuitError('ESRCH', 'the process has ended')
  }

  await(wake: () => void): Cancel {
    return this.#waiters.add(wake)
  }

  watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  /** Lets those look again who wait for its end. */
  protected tell(): void {
    this.#waiters.wakeAll()
    this.#watchers.notify()
  }

  /** @param remark added to what the log says */
  protected ended(exit: Exit, remark = ''): void {
    this.#exit = exit
    this.stdin.close()
    const { host, path, detach } = this.birth
    host.log.add({ operation: 'exit', path, outcome: `${statusOf(exit)}${remark}` })
    this.tell()
    if (!this.leaves || this.#scrubbed) return
    this.stdout.release()
    this.stderr.release()
    detach()
  }
}
