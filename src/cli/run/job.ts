/** One program on one server, from its start to the last trace of it. */
import type { Circuit, ServerEntry } from '../../client/circuit.ts'
import type { OpenFile } from '../../client/open-file.ts'
import { asCircuitError } from '../../proto/errors.ts'
import { joinPath } from '../../proto/path.ts'

/** How long a program may take to end when it is killed, and its anchor to go, in ms. */
const PATIENCE_MS = 3000

export class Job {
  readonly server: ServerEntry
  readonly #circuit: Circuit
  readonly #path: string
  /** What a signal is sent to: a program has perhaps started others; a container ends as a whole. */
  readonly #all: string
  /** Its standard input, once it runs. */
  readonly #started: Promise<OpenFile>
  /** Ends the waiting for it, whether it has ended or not. */
  readonly #over = new AbortController()
  #running = false
  #ended = false

  /** Starts it. @param name of its anchor, which must not be there yet @param image of a container to run it in */
  constructor(
    circuit: Circuit,
    server: ServerEntry,
    name: string,
    words: readonly string[],
    image: string | undefined,
  ) {
    this.#circuit = circuit
    this.server = server
    this.#path = joinPath(server.path, name)
    this.#all = image === undefined ? ' group' : ''
    this.#started = this.#start(words, image)
    this.#started.catch(() => {})
  }

  async #start([Path, ...Args]: readonly string[], Image: string | undefined): Promise<OpenFile> {
    const { signal } = this.#over
    await this.#circuit.make(this.#path, { signal })
    const [verb, fields] =
      Image === undefined ? ['mkproc', { Path, Args }] : ['mkdkr', { Image, Path, Args, Pull: true }]
    await this.#circuit.command(this.#path, verb, { fields, signal })
    this.#running = true
    return this.#circuit.open(joinPath(this.#path, 'stdin'), 'w', { signal })
  }

  /** Settles when it runs. @throws CircuitError when it can't be started */
  async started(): Promise<void> {
    await this.#started
  }

  /** Its status, as a shell says it. */
  async wait(): Promise<number> {
    return Number(await this.#circuit.readText(joinPath(this.#path, 'wait'), { signal: this.#over.signal }))
  }

  /** Copies an output of it, to its end. */
  async copy(output: 'stdout' | 'stderr', write: (bytes: Buffer) => Promise<void>): Promise<void> {
    const { signal } = this.#over
    const file = await this.#circuit.open(joinPath(this.#path, output), 'r', { signal })
    for (let bytes = await file.read(undefined, { signal }); bytes.length > 0; ) {
      await write(bytes)
      bytes = await file.read(undefined, { signal })
    }
    await file.close()
  }

  /** Gives it input; `end`: that was all. @throws CircuitError EPIPE when it takes no more */
  async feed(bytes: Uint8Array | 'end'): Promise<void> {
    const stdin = await this.#started
    if (bytes === 'end') await stdin.close()
    else await stdin.write(bytes, { signal: this.#over.signal })
  }

  /** Ends it by a signal, and all that it has started. It is waited for; when it is killed, not forever. */
  async end(name: string): Promise<void> {
    this.#ended = true
    if (!this.#running) return this.#over.abort(new Error('it was interrupted before it ran'))
    if (name === 'KILL')
      setTimeout(
        () => this.#over.abort(new Error('it was killed, but something of it is left')),
        PATIENCE_MS,
      ).unref()
    // It may have ended, and its server may be gone: then it is waited for no longer anyway.
    await this.#circuit.command(this.#path, `signal ${name}${this.#all}`).catch(() => {})
  }

  /** Removes its anchor. @throws CircuitError, or Error, when that is still there perhaps */
  async remove(): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    // Shells let what they run in the background ignore an INT.
    if (this.#ended && this.#running)
      await this.#circuit.command(this.#path, `signal KILL${this.#all}`, { signal }).catch(() => {})
    try {
      await this.#circuit.remove(this.#path, { signal })
    } catch (error) {
      const { code } = asCircuitError(error)
      // With its server it is gone.
      if (code === 'ENOENT' || code === 'EHOSTDOWN') return
      if (code !== 'EBUSY') throw error
      await this.#circuit.command(this.#path, 'scrub', { signal })
      await this.#circuit.remove(this.#path, { signal })
    }
  }
}
