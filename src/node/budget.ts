/** A number of bytes that many share: takers look whether there is room, and are told when there is again. */
import type { Cancel } from './handle.ts'
import { WaitQueue } from './wait-queue.ts'

export class Budget {
  readonly limit: number
  #used = 0
  readonly #waiting = new WaitQueue()

  /** @param limit bytes */
  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  get exhausted(): boolean {
    return this.#used >= this.limit
  }

  /** Books bytes; may pass the limit by what was admitted while there was room. */
  take(bytes: number): void {
    this.#used += bytes
  }

  give(bytes: number): void {
    this.#used -= bytes
    if (this.#waiting.size > 0 && !this.exhausted) this.#waiting.wakeAll()
  }

  /** Calls once when there is room again. */
  wait(wake: () => void): Cancel {
    return this.#waiting.add(wake)
  }
}
