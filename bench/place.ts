/**
 * Where the programs of a comparison run, and the ways in which they are run there.
 *
 * Where clients and servers run decides more than what they do: on a virtual machine a wake-up across CPUs costs 5 to
 * 20 times one on the same CPU, and the scheduler picks either by chance. With all on one CPU it is the work that is
 * compared; on any CPU it is what users have.
 */
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Circuit, withCircuit, withMount } from './circuit.ts'
import { type FloorFs, type FloorFsOptions, withFloorFs } from './floors.ts'
import { byteRate, type LoadOptions, opsRate, runLoad, runPair } from './loads.ts'
import { withFifo, withRedis } from './peers.ts'
import { type CompareOptions, type Comparison, compare } from './report.ts'

/** Measures once, and gives a rate. */
export type Measure = () => Promise<number>

/** A count for a load that is ended by the clock. */
export const ENDLESS = '1G'
/** Seconds for which such a load runs. */
const MOMENT = 0.25
/** Seconds after which a load that ends by itself is given up. */
const LIMIT = 20

export class Place {
  readonly #name: string
  readonly #rounds: number
  /** The CPU to run on, for programs that a group starts itself. */
  readonly cpu: { readonly cpu?: number }

  /** @param cpu from 0; any if left out */
  constructor(name: string, rounds: number, cpu?: number) {
    this.#name = name
    this.#rounds = rounds
    this.cpu = cpu === undefined ? {} : { cpu }
  }

  compare(name: string, floor: Measure, ours: Measure, options: CompareOptions = {}): Promise<Comparison> {
    const rounds = Math.min(this.#rounds, options.rounds ?? this.#rounds)
    return compare(name, floor, ours, { ...options, rounds, where: this.#name })
  }

  /** Operations a second of a load, for a moment. */
  rate(...load: string[]): Measure {
    return async () => opsRate(await runLoad(load, this.#limited(MOMENT)))
  }

  /** Megabytes a second of a load, for a moment. */
  speed(...load: string[]): Measure {
    return async () => byteRate(await runLoad(load, this.#limited(MOMENT)))
  }

  /** Operations a second of a load that ends by itself. */
  wholeRate(...load: string[]): Measure {
    return async () => opsRate(await runLoad(load, this.#limited(LIMIT)))
  }

  /** Megabytes a second of a load that ends by itself. */
  wholeSpeed(...load: string[]): Measure {
    return async () => byteRate(await runLoad(load, this.#limited(LIMIT)))
  }

  /** Messages a second from one load to another. */
  pairRate(receiver: string[], sender: string[]): Measure {
    return async () => opsRate(await runPair(receiver, sender, this.#limited(LIMIT)))
  }

  /** Megabytes a second from one load to another. */
  pairSpeed(receiver: string[], sender: string[]): Measure {
    return async () => byteRate(await runPair(receiver, sender, this.#limited(LIMIT)))
  }

  #limited(limit: number): LoadOptions {
    return { limit, ...this.cpu }
  }

  /** Our server, mounted. */
  circuit<T>(fn: (circuit: Circuit) => Promise<T>): Promise<T> {
    return withCircuit(this.cpu, fn)
  }

  /** The trivial files of layer.ts on our kernel layer; `fn` gets the path of the mount. */
  layer<T>(fn: (dir: string) => Promise<T>): Promise<T> {
    const layer = fileURLToPath(new URL('./layer.js', import.meta.url))
    return withMount((dir) => [process.execPath, layer, dir], this.cpu, fn)
  }

  floorFs<T>(fn: (floor: FloorFs) => Promise<T>, options: FloorFsOptions = {}): Promise<T> {
    return withFloorFs({ ...options, ...this.cpu }, fn)
  }

  fifo<T>(fn: (path: string) => Promise<T>): Promise<T> {
    return withFifo(fn)
  }

  redis<T>(fn: (socket: string) => Promise<T>): Promise<T> {
    return withRedis(fn, this.cpu)
  }
}

/** Takes the same comparisons in each place. */
export async function inEachPlace(
  rounds: number,
  measure: (place: Place) => Promise<readonly Comparison[]>,
): Promise<{ comparisons: readonly Comparison[] }> {
  const places = [new Place('one CPU', rounds, cpus().length - 1), new Place('any CPU', rounds)]
  const comparisons: Comparison[] = []
  for (const place of places) comparisons.push(...(await measure(place)))
  return { comparisons }
}
