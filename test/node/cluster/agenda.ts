/** What happens when, in simulated time: a binary heap. What is due at the same time happens in the order in which it was added. */
import type { Cancel } from '../../../src/node/handle.ts'

interface Entry {
  readonly time: number
  readonly order: number
  readonly run: () => void
  /** In the heap; -1 when it has been taken out. */
  place: number
}

const before = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order)

export class Agenda {
  now = 0

  #order = 0
  readonly #heap: Entry[] = []

  /** Most of what is planned is cancelled: it is taken out then, and not kept until it would have been due. */
  add(time: number, run: () => void): Cancel {
    const entry = { time: Math.max(time, this.now), order: this.#order++, run, place: this.#heap.length }
    this.#heap.push(entry)
    this.#rise(entry)
    return () => this.#remove(entry)
  }

  get size(): number {
    return this.#heap.length
  }

  runUntil(time: number): void {
    for (let [first] = this.#heap; first !== undefined && first.time <= time; [first] = this.#heap) {
      this.#remove(first)
      this.now = first.time
      first.run()
    }
    this.now = time
  }

  /** The last takes its place, and goes to where it belongs. */
  #remove(entry: Entry): void {
    const { place } = entry
    if (place < 0) return
    entry.place = -1
    const last = this.#heap.pop()
    if (last === undefined || last === entry) return
    this.#put(last, place)
    this.#rise(last)
    this.#sink(last)
  }

  #put(entry: Entry, place: number): void {
    this.#heap[place] = entry
    entry.place = place
  }

  #rise(entry: Entry): void {
    while (entry.place > 0) {
      const { place } = entry
      const above = (place - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || !before(entry, parent)) return
      this.#put(parent, place)
      this.#put(entry, above)
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const { place } = entry
      const [left, right] = [this.#heap[2 * place + 1], this.#heap[2 * place + 2]]
      const child = left && right && before(right, left) ? right : left
      if (child === undefined || !before(child, entry)) return
      const below = child.place
      this.#put(child, place)
      this.#put(entry, below)
    }
  }
}
