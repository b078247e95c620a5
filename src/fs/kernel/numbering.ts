/**
 * The kernel numbers its requests in steps of two, and takes back one that we have not read yet if its process is
 * killed. So a number that never came tells of a call that a process had made when it was killed.
 */

/** From one request's number to the next: FUSE_REQ_ID_STEP. Odd ones are interrupts, of the request before. */
const STEP = 2
/** Numbers are watched for so long. */
const WATCHED = 1 << 16

export class Numbering {
  #newest = 0
  /** Nothing is known of lower numbers. */
  #oldest = 0
  readonly #missing = new Set<number>()

  /** The highest number that came. */
  get newest(): number {
    return this.#newest
  }

  /** A request came. They come in order, but for those that are numbered only as we read them, as FORGET is. */
  came(unique: number): void {
    if (unique % STEP !== 0) return
    if (unique <= this.#newest) {
      this.#missing.delete(unique)
      return
    }
    // A kernel that numbers in another way makes us forget, not work.
    if (unique - this.#newest > WATCHED) this.#forget(unique)
    else for (let number = this.#newest + STEP; number < unique; number += STEP) this.#missing.add(number)
    this.#newest = unique
    if (this.#missing.size > 0) this.#forget(unique - WATCHED)
  }

  #forget(before: number): void {
    this.#oldest = Math.max(this.#oldest, before)
    for (const oldest of this.#missing) {
      if (oldest >= before) return
      this.#missing.delete(oldest)
    }
  }

  /** Whether a request between these two was taken back; true, too, where that is too long ago to tell. */
  isAnyMissing(after: number, before: number): boolean {
    if (after < this.#oldest) return true
    for (const number of this.#missing) if (number > after && number < before) return true
    return false
  }
}
