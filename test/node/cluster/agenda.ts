/** What happens when, in simulated time: a binary heap. What is due at the same time happens in the order in which it was added. */
interface Entry {
  readonly time: number
  readonly order: number
  readonly run: () => void
}

const before = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order)

export class Agenda {
  now = 0

  #order = 0
  readonly #heap: Entry[] = []

  add(time: number, run: () => void): void {
    const entry = { time: Math.max(time, this.now), order: this.#order++, run }
    let at = this.#heap.push(entry) - 1
    for (let above = (at - 1) >> 1; at > 0; at = above, above = (at - 1) >> 1) {
      const parent = this.#heap[above]
      if (parent === undefined || !before(entry, parent)) break
      this.#heap[at] = parent
    }
    this.#heap[at] = entry
  }

  get size(): number {
    return this.#heap.length
  }

  runUntil(time: number): void {
    for (let [first] = this.#heap; first !== undefined && first.time <= time; [first] = this.#heap) {
      this.#take()
      this.now = first.time
      first.run()
    }
    this.now = time
  }

  #take(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const [left, right] = [heap[child], heap[child + 1]]
      if (left === undefined) break
      if (right && before(right, left)) child++
      const smaller = heap[child]
      if (smaller === undefined || !before(smaller, last)) break
      heap[at] = smaller
      at = child
    }
    heap[at] = last
  }
}
