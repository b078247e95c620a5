/** What membership needs of the world: time, chance, timers and datagrams. A simulation gives it another one. */
import type { Cancel } from '../handle.ts'
import type { Destination, Packet } from './messages.ts'

export interface Environment {
  /** ms, from any moment on; never goes back. */
  now(): number
  /** 0 up to and without 1. */
  random(): number
  schedule(delay: number, run: () => void): Cancel
  /** Sends a datagram. It may be lost, late, or come twice. */
  send(to: Destination, packet: Packet): void
  /** Asks whether anybody is at an address's port. Calls `refused` when its host says no; may never call. */
  knock(to: Destination, refused: () => void): void
}

/** A timer that says how late it is, in ms: late ones tell that this server itself stood still. */
export function after(environment: Environment, delay: number, run: (late: number) => void): Cancel {
  const due = environment.now() + delay
  return environment.schedule(delay, () => run(environment.now() - due))
}

/** Up to `count` of them, each as likely as the other. */
export function sample<T>(environment: Environment, from: readonly T[], count: number): T[] {
  const chosen = new Set<T>()
  const wanted = Math.min(count, from.length)
  // For a good part of them it is cheaper to shuffle than to draw until there are enough.
  if (wanted * 2 > from.length) return shuffle(environment, [...from]).slice(0, wanted)
  while (chosen.size < wanted) {
    const drawn = from[Math.floor(environment.random() * from.length)]
    if (drawn !== undefined) chosen.add(drawn)
  }
  return [...chosen]
}

/** In place, by Fisher and Yates. */
export function shuffle<T>(environment: Environment, items: T[]): T[] {
  for (let last = items.length - 1; last > 0; last--)
    swap(items, last, Math.floor(environment.random() * (last + 1)))
  return items
}

/** Adds one at a random place from `start` on; whoever had that place is the last now. What is shuffled stays so. */
export function insert<T>(environment: Environment, items: T[], start: number, item: T): void {
  const last = items.push(item) - 1
  swap(items, last, start + Math.floor(environment.random() * (last - start + 1)))
}

function swap<T>(items: T[], one: number, other: number): void {
  const [a, b] = [items[one], items[other]]
  if (a !== undefined && b !== undefined) [items[one], items[other]] = [b, a]
}
