/** Those who wait, in the order in which they came. */
import type { Cancel } from './handle.ts'

export class WaitQueue {
  readonly #waiting = new Set<{ readonly wake: () => void }>()

  get size(): number {
    return this.#waiting.size
  }

  /** Adds one at the end; it is called once, or never if cancelled before. */
  add(wake: () => void): Cancel {
    const entry = { wake }
    this.#waiting.add(entry)
    return () => this.#waiting.delete(entry)
  }

  /** Lets the first one try again. */
  wakeOne(): void {
    for (const entry of this.#waiting) {
      this.#waiting.delete(entry)
      entry.wake()
      return
    }
  }

  /** Lets one after the other try again for as long as there is something to be had. */
  wakeWhile(available: () => boolean): void {
    for (let left = this.#waiting.size; left > 0 && this.#waiting.size > 0 && available(); left--)
      this.wakeOne()
  }

  /** Lets everyone try again who waits now. */
  wakeAll(): void {
    for (const entry of [...this.#waiting]) if (this.#waiting.delete(entry)) entry.wake()
  }
}

/** Those who want to hear of every change, until they cancel. */
export class Watchers {
  readonly #watchers = new Set<() => void>()

  get size(): number {
    return this.#watchers.size
  }

  add(changed: () => void): Cancel {
    const entry = (): void => changed()
    this.#watchers.add(entry)
    return () => this.#watchers.delete(entry)
  }

  notify(): void {
    for (const changed of [...this.#watchers]) changed()
  }
}
