/**
 * An engine that has output of a container which nobody reads can't say that the container has ended: it waits for its
 * reader, and holds up whoever asks about the container (moby, daemon/monitor.go). So while output is left unread the
 * engine is asked now and then; where it has no answer, what it holds is taken from it. That has a bound: one that still
 * runs would answer.
 */
import type { AttachedOutput } from './attached-output.ts'
import type { Engine } from './engine.ts'

/** How soon it is asked after something that may end the container, and at the latest, in ms. */
const FIRST_MS = 100
const LAST_MS = 3200
/** How long an answer may take that needs no other's. */
const PATIENCE_MS = 500

export class Watch {
  readonly #engine: Engine
  readonly #id: string
  outputs: readonly AttachedOutput[] = []
  #timer: NodeJS.Timeout | undefined
  #delay = FIRST_MS
  #stopped = false

  constructor(engine: Engine, id: string) {
    this.#engine = engine
    this.#id = id
  }

  /** It may end soon, or output is left unread from now on. */
  expect(): void {
    this.#delay = FIRST_MS
    clearTimeout(this.#timer)
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#ask(), this.#delay).unref()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  async #ask(): Promise<void> {
    if (!this.outputs.some((output) => output.paused)) return
    try {
      await this.#engine.inspect(this.#id, PATIENCE_MS)
    } catch {
      for (const output of this.outputs) output.relieve()
    }
    this.#delay = Math.min(2 * this.#delay, LAST_MS)
    clearTimeout(this.#timer)
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#ask(), this.#delay).unref()
  }
}
