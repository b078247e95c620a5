/**
 * How well this server itself hears others: a score, 0 for well (Lifeguard, section IV-A). One that misses answers is slow to accuse,
 * since it is rather itself that is starved or cut off.
 */
export class Awareness {
  readonly #most: number
  #score = 0

  constructor(most: number) {
    this.#most = most
  }

  get score(): number {
    return this.#score
  }

  /** What a time grows to. */
  scale(time: number): number {
    return time * (this.#score + 1)
  }

  change(by: number): void {
    this.#score = Math.min(this.#most, Math.max(0, this.#score + by))
  }
}
