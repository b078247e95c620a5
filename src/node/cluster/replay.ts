/**
 * Which of a sender's datagrams have come: each is taken once, in any order, unless it is much older than the newest (RFC 6479).
 */
const WORDS = 32
const WORD_BITS = 32
/** Datagrams that may overtake one. */
export const WINDOW = (WORDS - 1) * WORD_BITS

export class ReplayWindow {
  /** Bit n of the ring says whether number n has come, for the newest WINDOW of them. */
  readonly #seen = new Uint32Array(WORDS)
  #newest = 0

  /** Whether a number, from 1 on, has not come yet, as far as that is known. */
  isNew(number: number): boolean {
    if (number > this.#newest) return true
    if (number < 1 || number + WINDOW <= this.#newest) return false
    return ((this.#seen[this.#word(number)] ?? 0) & (1 << (number % WORD_BITS))) === 0
  }

  /** Takes note of one that is authentic. */
  add(number: number): void {
    const before = Math.floor(this.#newest / WORD_BITS)
    const now = Math.floor(number / WORD_BITS)
    for (let word = Math.max(before + 1, now - WORDS + 1); word <= now; word++) this.#seen[word % WORDS] = 0
    this.#newest = Math.max(this.#newest, number)
    const word = this.#word(number)
    this.#seen[word] = (this.#seen[word] ?? 0) | (1 << (number % WORD_BITS))
  }

  #word(number: number): number {
    return Math.floor(number / WORD_BITS) % WORDS
  }
}
