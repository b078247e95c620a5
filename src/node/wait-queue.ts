/** Those who wait, in the order in which they came. There may be very many queues, most of them empty: each is small. */
import type { Cancel } from './handle.ts'

interface Waiter {
  readonly wake: () => void
  waiting: boolean
  previous: Waiter | undefined
  next: Waiter | undefined
}

export class WaitQueue {
  #first: Waiter | undefined
  #last: Waiter | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Adds one at the end; it is called once, or never if cancelled before. */
  add(wake: () => void): Cancel {
    const waiter: Waiter = { wake, waiting: true, previous: this.#last, next: undefined }
    if (this.#last) this.#last.next = waiter
    else this.#first = waiter
    this.#last = waiter
    this.#size++
    return () => this.#remove(waiter)
  }

  #remove(waiter: Waiter): void {
    if (!waiter.waiting) return
    waiter.waiting = false
    this.#size--
    if (waiter.previous) waiter.previous.next = waiter.next
    else this.#first = waiter.next
    if (waiter.next) waiter.next.previous = waiter.previous
    else this.#last = waiter.previous
  }

  /** Lets the first one try again. */
  wakeOne(): void {
    const first = this.#first
    if (first === undefined) return
    this.#remove(first)
    first.wake()
  }

  /** Lets one after the other try again for as long as there is something to be had. */
  wakeWhile(available: () => boolean): void {
    for (let left = this.#size; left > 0 && this.#size > 0 && available(); left--) this.wakeOne()
  }

  /** Lets everyone try again who waits now. */
  wakeAll(): void {
    const waiters: Waiter[] = []
    for (let waiter = this.#first; waiter; waiter = waiter.next) waiters.push(waiter)
    for (const waiter of waiters) {
      if (!waiter.waiting) continue
      this.#remove(waiter)
      waiter.wake()
    }
  }
}

/** Those who want to hear of every change, until they cancel. */
export class Watchers {
  #watchers: Set<() => void> | undefined

  get size(): number {
    return this.#watchers?.size ?? 0
  }

  add(changed: () => void): Cancel {
    const entry = (): void => changed()
    this.#watchers ??= new Set()
    this.#watchers.add(entry)
    return () => this.#watchers?.delete(entry)
  }

  notify(): void {
    if (this.#watchers) for (const changed of [...this.#watchers]) changed()
  }
}
