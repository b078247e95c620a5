/** A container on the Docker engine, as a job. Loaded with the first one. */
import { randomBytes } from 'node:crypto'
import { asCircuitError, CircuitError } from '../../../proto/errors.ts'
import type { ContainerSpec } from '../container.ts'
import { Input } from '../job/input.ts'
import { Job } from '../job/job.ts'
import { makeOutput } from '../job/output.ts'
import type { Birth, Kind } from '../kind.ts'
import { AttachedInput } from './attached-input.ts'
import { AttachedOutput } from './attached-output.ts'
import { creation } from './description.ts'
import { Engine, type Inspection } from './engine.ts'
import { isMissing, lost } from './errors.ts'
import { checkProgram } from './program.ts'
import { pull } from './pull.ts'
import { Watch } from './watch.ts'

/** One that the engine starts again can't be attached to until it has done so: tried this often, in ms. */
const RESTART_LOOK_MS = 50
const RESTART_LOOK_MOST_MS = 1000
/** An engine that has just told of an end is there, however busy, in ms. */
const ANSWER_MS = 30_000
/** The status of one that was taken away while nobody looked: as by SIGKILL, which is what the engine does. */
const KILLED = 137

interface Parts {
  readonly engine: Engine
  readonly inspection: Inspection
  readonly input: AttachedInput
  readonly outputs: Outputs
  /** Aborted where it could not be started: so end its connections. */
  readonly connections: AbortSignal
}

type OutputName = 'stdout' | 'stderr'
type Outputs = Readonly<Partial<Record<OutputName, AttachedOutput>>>

export class Container extends Job {
  readonly #kind: Kind
  readonly #engine: Engine
  readonly #input: AttachedInput
  readonly #outputs: Outputs
  readonly #watch: Watch
  readonly #connections: AbortSignal
  /** What the engine said last. */
  #inspection: Inspection
  /** The engine has been lost since. */
  #failure: CircuitError | undefined

  private constructor(kind: Kind, spec: ContainerSpec, birth: Birth, parts: Parts, watch: Watch) {
    const { engine, inspection, input, outputs } = parts
    const streams = {
      stdin: new Input(input),
      stdout: makeOutput(outputs.stdout, spec.Stdout, spec.Log),
      stderr: makeOutput(outputs.stderr, spec.Stderr, spec.Log),
    }
    super(streams, birth, spec.Scrub)
    this.#kind = kind
    this.#engine = engine
    this.#inspection = inspection
    this.#input = input
    this.#outputs = outputs
    this.#watch = watch
    this.#connections = parts.connections
  }

  /** Creates and starts a container. @throws CircuitError, and leaves nothing behind, when it can't be started */
  static async start(kind: Kind, spec: ContainerSpec, birth: Birth): Promise<Container> {
    const engine = await Engine.get()
    const id = await create(engine, spec, birth)
    const connections = new AbortController()
    const { signal } = connections
    try {
      const watch = new Watch(engine, id)
      const [inspection, input, stdout, stderr, { status }] = await Promise.all([
        checked(engine, id),
        engine.attach(id, 'stdin', signal).then((socket) => new AttachedInput(socket, spec.Tty === true)),
        attachOutput(engine, id, 'stdout', spec, watch, signal),
        attachOutput(engine, id, 'stderr', spec, watch, signal),
        // Before it is started: one that is fast would have ended.
        engine.awaitExit(id, 'next-exit', signal),
      ])
      if (birth.signal.aborted) throw new CircuitError('EINTR')
      await engine.try(`can't start ${spec.Image}`, () => engine.docker.getContainer(id).start())
      const outputs = { ...(stdout && { stdout }), ...(stderr && { stderr }) }
      watch.outputs = Object.values(outputs)
      const parts = { engine, inspection, input, outputs, connections: signal }
      const made = new Container(kind, spec, birth, parts, watch)
      made.#follow(status)
      if (birth.signal.aborted) made.scrub()
      if (birth.signal.aborted) throw new CircuitError('EINTR')
      return made
    } catch (error) {
      // The engine keeps those of one that has never run.
      connections.abort()
      await engine.remove(id).catch(() => {})
      throw error
    }
  }

  override get kind(): Kind {
    return this.#kind
  }

  get name(): string {
    return this.#inspection.Name.replace(/^\//, '')
  }

  /** What `docker inspect` says; where there is no answer, what it said last, and why. */
  override async peek(): Promise<unknown> {
    this.#reviveIfLost()
    try {
      this.#inspection = await this.#engine.inspect(this.#inspection.Id)
      return this.#inspection
    } catch (error) {
      return { Unanswered: asCircuitError(error).message, ...this.#inspection }
    }
  }

  override checkAttached(): void {
    super.checkAttached()
    if (this.#failure) throw this.#failure
  }

  override get over(): boolean {
    return super.over || this.#failure !== undefined
  }

  /** Somebody wants to know of its end: if the engine was lost, it may be back. */
  look(): void {
    this.#reviveIfLost()
  }

  override async signal(number: number): Promise<void> {
    this.#reviveIfLost()
    this.checkRunning()
    this.#watch.expect()
    await this.#engine.try("can't signal the container", async () => {
      try {
        await this.#engine.docker.getContainer(this.#inspection.Id).kill({ signal: String(number) })
      } catch (error) {
        const { statusCode } = error as { statusCode?: number }
        if (statusCode === 404 || statusCode === 409) throw new CircuitError('ESRCH', 'the process has ended')
        throw error
      }
    })
  }

  /** Tells its terminal a new size. @throws CircuitError EOPNOTSUPP where it has none, ESRCH */
  async resize(columns: number, rows: number): Promise<void> {
    this.checkRunning()
    if (!this.#inspection.Config.Tty)
      throw new CircuitError('EOPNOTSUPP', 'the container has no terminal: it was made without "Tty": true')
    await this.#engine.try("can't resize the terminal", () =>
      this.#engine.docker.getContainer(this.#inspection.Id).resize({ w: columns, h: rows }),
    )
  }

  /** One that has ended goes; one that runs goes on, and belongs to whoever finds it. */
  override scrub(): void | Promise<void> {
    super.scrub()
    this.#watch.stop()
    if (this.exit) return this.#remove()
    const { host, path } = this.birth
    host.log.add({ operation: 'scrub', path, outcome: `the container ${this.name} goes on` })
  }

  async #remove(): Promise<void> {
    const { host, path } = this.birth
    try {
      await this.#engine.remove(this.#inspection.Id)
    } catch (error) {
      const outcome = `the container ${this.name} is still there: ${asCircuitError(error).message}`
      host.log.add({ operation: 'remove', path, outcome })
    }
  }

  #follow(status: Promise<number>): void {
    void status.then(
      (code) => this.#find(ANSWER_MS, code),
      () => this.#find(),
    )
  }

  #reviveIfLost(): void {
    if (this.#failure === undefined || this.exit) return
    this.#failure = undefined
    void this.#find()
  }

  /**
   * It has ended, or the engine has gone, or only the connection to it; or the engine is about to start it again.
   * @param limit how long an answer may take, in ms
   * @param status of its end, where that is known
   */
  async #find(limit?: number, status?: number): Promise<void> {
    try {
      for (let delay = RESTART_LOOK_MS; ; delay = Math.min(2 * delay, RESTART_LOOK_MOST_MS)) {
        this.#inspection = await this.#engine.inspect(this.#inspection.Id, limit)
        const { Running, Restarting } = this.#inspection.State
        if (!Running) return this.#finish(this.#inspection.State.ExitCode)
        if (!Restarting && (await this.#attachAgain())) return
        await new Promise((resolve) => setTimeout(resolve, delay).unref())
      }
    } catch (thrown) {
      const error = asCircuitError(thrown)
      // Somebody has taken it away.
      if (error.code === 'ENOENT') this.#finish(status ?? KILLED)
      else this.#fail(error)
    }
  }

  #finish(status: number): void {
    this.#watch.stop()
    for (const output of Object.values(this.#outputs)) output.end()
    this.ended(
      { code: status, signal: null },
      this.#inspection.State.OOMKilled ? '; it was out of memory' : '',
    )
    // Where it left its anchor by itself, nobody else will.
    if (this.leaves && !this.scrubbed) void this.#remove()
  }

  /**
   * The engine has started it anew, or has been away, and the container was not. What was written meanwhile is lost. Says whether
   * it was still there to be listened to.
   */
  async #attachAgain(): Promise<boolean> {
    const { Id } = this.#inspection
    try {
      const { status } = await this.#engine.awaitExit(Id, 'not-running', this.#connections)
      const outputs = Object.entries(this.#outputs)
      const sockets = await Promise.all(
        outputs.map(([name]) => this.#engine.attach(Id, name as OutputName, this.#connections)),
      )
      for (const [n, [, output]] of outputs.entries()) {
        const socket = sockets[n]
        if (socket) output.connect(socket)
      }
      this.#follow(status)
      return true
    } catch (error) {
      if (asCircuitError(error).code === 'EHOSTDOWN') throw error
      return false
    }
  }

  #fail(error: CircuitError): void {
    this.#failure = error.code === 'EHOSTDOWN' ? error : lost(this.#engine.where, error)
    this.#watch.stop()
    this.#input.fail(this.#failure)
    for (const output of Object.values(this.#outputs)) output.fail(this.#failure)
    this.tell()
  }
}

/** @throws CircuitError ENOENT where there is no such image */
async function create(engine: Engine, spec: ContainerSpec, birth: Birth): Promise<string> {
  const { host, path, signal } = birth
  const unique = randomBytes(4).toString('hex')
  const description = creation(spec, { server: host.id, serverName: host.name, anchor: path, unique })
  const attempt = async (): Promise<string> => (await engine.docker.createContainer(description)).id
  return engine.try(`can't make a container of ${spec.Image}`, async () => {
    try {
      return await attempt()
    } catch (error) {
      if (!spec.Pull || !isMissing(error)) throw error
    }
    await pull(engine, spec.Image, signal, (step) => host.log.add({ operation: 'pull', path, outcome: step }))
    return attempt()
  })
}

async function checked(engine: Engine, id: string): Promise<Inspection> {
  const inspection = await engine.try("can't inspect the container", () =>
    engine.docker.getContainer(id).inspect(),
  )
  await engine.try(`can't run ${inspection.Path}`, () => checkProgram(engine, inspection))
  return inspection
}

/** A terminal has one output only. */
async function attachOutput(
  engine: Engine,
  id: string,
  name: OutputName,
  spec: ContainerSpec,
  watch: Watch,
  signal: AbortSignal,
): Promise<AttachedOutput | undefined> {
  const policy = name === 'stdout' ? spec.Stdout : spec.Stderr
  if (policy === 'discard' || (spec.Tty && name === 'stderr')) return undefined
  const output = new AttachedOutput({ framed: spec.Tty !== true, paused: () => watch.expect() })
  output.connect(await engine.attach(id, name, signal))
  return output
}
