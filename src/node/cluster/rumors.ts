/** News on their way: each is sent a bounded number of times, the least told first, the newest of a server in place of older ones. */
import { type Rumor, sizeOf, subject } from './messages.ts'

/** When so many did not fit, it is full: there may be very many more. */
const MAX_MISFITS = 4

export class Rumors {
  /** By how often they were sent; in each, by the server that they are about. */
  readonly #told: Map<string, Rumor>[] = [new Map()]
  readonly #times = new Map<string, number>()

  get size(): number {
    return this.#times.size
  }

  add(rumor: Rumor): void {
    const id = subject(rumor)
    const times = this.#times.get(id)
    if (times !== undefined) this.#told[times]?.delete(id)
    this.#times.set(id, 0)
    this.#told[0]?.set(id, rumor)
  }

  /** Takes what fits into so many bytes, to be sent once; what has been sent `limit` times then is news no more. */
  take(room: number, limit: number): Rumor[] {
    if (this.size === 0) return []
    const taken: { rumor: Rumor; times: number }[] = []
    let left = room
    let misfits = 0
    for (const [times, rumors] of this.#told.entries())
      for (const rumor of rumors.values()) {
        if (misfits === MAX_MISFITS) break
        const size = sizeOf(rumor)
        if (size > left) misfits++
        else {
          left -= size
          taken.push({ rumor, times })
        }
      }
    for (const { rumor, times } of taken) this.#count(rumor, times, limit)
    return taken.map(({ rumor }) => rumor)
  }

  #count(rumor: Rumor, times: number, limit: number): void {
    const id = subject(rumor)
    this.#told[times]?.delete(id)
    if (times + 1 >= limit) {
      this.#times.delete(id)
      return
    }
    this.#times.set(id, times + 1)
    const next = this.#told[times + 1] ?? new Map<string, Rumor>()
    this.#told[times + 1] = next
    next.set(id, rumor)
  }
}
