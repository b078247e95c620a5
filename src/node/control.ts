/**
 * An open `ctl`: commands come in, are executed one after the other, and the first that fails fails its write.
 * Reading it gives the outcome of the last command written here, or, before any, the verbs.
 */
import { type Command, CommandReader } from '../proto/command.ts'
import { asCircuitError, CircuitError } from '../proto/errors.ts'
import type { Anchor } from './anchors.ts'
import { type Element, expectWords } from './element/kind.ts'
import { isVerb, makers } from './element/registry.ts'
import { BaseHandle, type Caller, type Cancel, type Direction, type Readiness, TextHandle } from './handle.ts'
import { verbsText } from './help.ts'
import type { Host } from './host.ts'
import { WaitQueue, Watchers } from './wait-queue.ts'

/** Executes one command on an anchor. @throws CircuitError */
export async function execute(
  anchor: Anchor,
  command: Command,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  if (anchor.removed) throw new CircuitError('ENOENT', 'the anchor has been removed')
  const maker = makers.get(command.verb)
  const verb = anchor.element?.kind.verbs[command.verb]
  if (verb && anchor.element) return verb.run(anchor.element, command, host)
  if (command.verb === 'scrub' && anchor.parent) return scrub(anchor, command)
  if (maker) return make(anchor, command, host, signal)
  throw unknownVerb(anchor, command.verb)
}

async function make(anchor: Anchor, command: Command, host: Host, signal: AbortSignal): Promise<void> {
  const maker = makers.get(command.verb)
  if (maker === undefined) throw unknownVerb(anchor, command.verb)
  if (anchor.element || anchor.making)
    throw new CircuitError(
      'EEXIST',
      `${anchor.path} holds a ${anchor.element?.kind.name ?? 'thing that is being made'} already; scrub it, or take another anchor`,
    )
  anchor.making = true
  try {
    let detached = false
    let element: Element | undefined
    const detach = (): void => {
      detached = true
      if (anchor.element === element) anchor.element = undefined
    }
    element = await maker.make(command, { host, path: anchor.path, signal, detach })
    if (signal.aborted) throw new CircuitError('EINTR')
    if (!detached) anchor.element = element
  } finally {
    anchor.making = false
  }
}

async function scrub(anchor: Anchor, command: Command): Promise<void> {
  expectWords(command, 'scrub', 0)
  const { element } = anchor
  if (element === undefined) throw new CircuitError('ENOENT', `${anchor.path} holds no element`)
  anchor.element = undefined
  await element.scrub()
}

function unknownVerb(anchor: Anchor, verb: string): CircuitError {
  const kind = anchor.element?.kind
  const where = kind ? `a ${kind.name}` : 'an empty anchor'
  const known = kind ? [...Object.keys(kind.verbs), ...(anchor.parent ? ['scrub'] : [])] : [...makers.keys()]
  const said = `${JSON.stringify(verb)} is no command for ${where}; try one of: ${known.join(', ')}`
  return new CircuitError(isVerb(verb) ? 'EOPNOTSUPP' : 'EINVAL', said)
}

/** One write(2) as it is being executed. */
interface Running {
  readonly bytes: Buffer
  readonly abort: AbortController
  outcome: CircuitError | 'done' | undefined
}

export class ControlHandle extends BaseHandle {
  readonly #anchor: Anchor
  readonly #host: Host
  readonly #who: Caller
  readonly #reader = new CommandReader()
  readonly #waiters = new WaitQueue()
  readonly #watchers = new Watchers()
  #running: Running | undefined
  /**
   * A failed write of which a part counts already: buffered writers repeat it, with what came since behind it, and it
   * must not take effect twice.
   */
  #refused: { readonly bytes: Buffer; readonly error: CircuitError } | undefined
  #text: TextHandle

  constructor(anchor: Anchor, host: Host, who: Caller) {
    super()
    this.#anchor = anchor
    this.#host = host
    this.#who = who
    this.#text = new TextHandle(verbsText(anchor))
  }

  override read(max: number): Uint8Array {
    return this.#text.read(max)
  }

  override unread(): void {
    this.#text.unread()
  }

  override write(bytes: Uint8Array): number | undefined {
    this.#running ??= this.#start(Buffer.from(bytes))
    const { outcome } = this.#running
    if (outcome === undefined) return undefined
    this.#running = undefined
    if (outcome !== 'done') throw outcome
    return bytes.length
  }

  #start(bytes: Buffer): Running {
    const running: Running = { bytes, abort: new AbortController(), outcome: undefined }
    if (this.#refused && bytes.subarray(0, this.#refused.bytes.length).equals(this.#refused.bytes)) {
      running.outcome = this.#refused.error
      return running
    }
    this.#refused = undefined
    const middle = this.#reader.unfinished
    void this.#run(running, this.#reader.write(bytes), middle)
    return running
  }

  async #run(running: Running, commands: Iterable<Command>, middle: boolean): Promise<void> {
    let current: Command | undefined
    let executed = 0
    try {
      for (const command of commands) {
        current = command
        await this.#execute(command, running.abort.signal)
        executed++
        current = undefined
      }
      running.outcome = 'done'
    } catch (thrown) {
      const error = this.#failed(current?.text ?? this.#reader.refused, thrown)
      if (middle || executed > 0) this.#refused = { bytes: running.bytes, error }
      running.outcome = error
    }
    this.#waiters.wakeAll()
    this.#watchers.notify()
  }

  async #execute(command: Command, signal: AbortSignal): Promise<void> {
    await execute(this.#anchor, command, this.#host, signal)
    this.#text = new TextHandle('')
    this.#log(command.text, 'ok')
  }

  #failed(command: string, thrown: unknown): CircuitError {
    const error = asCircuitError(thrown)
    if (error.code === 'EPROTO') console.error(`circuit: ${this.#anchor.path}/ctl: ${command}:`, thrown)
    const { uid, pid, peer } = this.#who
    const who = `uid ${uid} pid ${pid}${peer === undefined ? '' : ` on ${peer}`}`
    // Names and what JSON.parse quotes may have newlines in them.
    const reason = error.message.replace(/\s+/g, ' ')
    this.#anchor.failure = { time: new Date(), who, command, reason }
    this.#text = new TextHandle(`${error.code} ${reason}\n`)
    this.#log(command, `${error.code} ${reason}`)
    return error
  }

  #log(command: string, outcome: string): void {
    this.#host.log.add({ operation: 'command', path: this.#anchor.path, who: this.#who, command, outcome })
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#waiters.add(wake)
  }

  /** The command is given up; what it had begun is undone by its maker. */
  override interrupt(): 'undo' {
    this.#running?.abort.abort()
    this.#running = undefined
    return 'undo'
  }

  override ready(): Readiness {
    return {
      readable: true,
      writable: this.#running?.outcome !== undefined || this.#running === undefined,
      hangup: false,
    }
  }

  override watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  /** What was left unfinished is a command now, or an error that only `error` can tell. */
  override close(): void {
    if (!this.#reader.unfinished) return
    const running: Running = { bytes: Buffer.alloc(0), abort: new AbortController(), outcome: undefined }
    void this.#run(running, this.#reader.close(), true)
  }
}
