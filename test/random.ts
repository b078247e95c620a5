/**
 * Randomness that can be had again: the same seed, the same numbers. A test takes its seeds from `seeds`, and says in
 * its failures which one it was; `CIRCUIT_SEED=N` runs that one alone, `CIRCUIT_SEEDS=N` that many from 1 on.
 */
export interface Random {
  readonly seed: number
  /** A whole number from 0 up to and without `below`. */
  int(below: number): number
  pick<T>(choices: readonly T[]): T
  chance(probability: number): boolean
  bytes(length: number): Buffer
}

/** Mulberry32, by Tommy Ettinger: a state of 32 bits, good enough to choose with. */
export function random(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    seed,
    int,
    pick(choices) {
      const [first] = choices
      if (first === undefined) throw new Error('there is nothing to choose from')
      return choices[int(choices.length)] ?? first
    },
    chance: (probability) => next() < probability,
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  }
}

/** The seeds to run, 1 to `count` unless the environment says otherwise. */
export function seeds(count: number): number[] {
  const { CIRCUIT_SEED, CIRCUIT_SEEDS } = process.env
  if (CIRCUIT_SEED !== undefined) return [Number(CIRCUIT_SEED)]
  return Array.from({ length: Number(CIRCUIT_SEEDS ?? count) }, (_, n) => n + 1)
}

/**
 * What failed and with which seed, in ASCII: tap takes an assertion with a line separator (U+2028) in its name for no
 * assertion at all, and passes.
 */
export const failure = (seed: number, what: unknown): string =>
  `seed ${seed}: ${what instanceof Error ? what.stack : what}`.replace(
    /[^\n\x20-\x7e]/g,
    (char) => `\\u{${char.charCodeAt(0).toString(16)}}`,
  )
