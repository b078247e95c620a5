/**
 * How long a member is suspected before it counts as failed: the longer, the fewer share the suspicion (Lifeguard, section IV-B).
 */
export class Suspicion {
  readonly #started: number
  readonly #least: number
  readonly #most: number
  readonly #needed: number
  readonly #accusers = new Set<string>()

  /** @param needed servers, beside the first, that must share it for the shortest time; 0: it is the shortest at once */
  constructor(started: number, bounds: { least: number; most: number }, needed: number, accuser: string) {
    this.#started = started
    this.#least = bounds.least
    this.#most = bounds.most
    this.#needed = needed
    this.#accusers.add(accuser)
  }

  /** Somebody shares it. Says whether that was news and counts. */
  confirm(accuser: string): boolean {
    if (this.#accusers.has(accuser) || this.#accusers.size > this.#needed) return false
    this.#accusers.add(accuser)
    return true
  }

  /** When it ends, unless it is refuted before. */
  get deadline(): number {
    const confirmations = this.#accusers.size - 1
    const share = this.#needed === 0 ? 1 : Math.log(confirmations + 1) / Math.log(this.#needed + 1)
    return this.#started + Math.max(this.#least, this.#most - (this.#most - this.#least) * share)
  }
}
