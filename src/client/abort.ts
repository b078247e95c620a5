/** Calls that are given up. Who gives up is told the reason of the signal, as by Node's own functions. */

/**
 * The answer to work that can't itself be given up: it goes on, and nobody waits for it. `late` gets what it brings then.
 * @throws the reason of the signal, or what the work throws
 */
export function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => void = () => {},
): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    let givenUp = false
    const giveUp = (): void => {
      givenUp = true
      reject(signal.reason)
    }
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
    work
      .then((value) => (givenUp ? late(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', giveUp))
  })
}
