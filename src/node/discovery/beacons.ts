/** Finds servers by calls to a multicast group, and answers theirs. */
import { Answerer, type AnswererOptions } from './answerer.ts'
import { Caller, type Found } from './caller.ts'
import type { Way } from './discovery.ts'

export class Beacons implements Way {
  readonly #options: AnswererOptions
  readonly #answerer: Answerer
  #caller: Caller | undefined

  constructor(options: AnswererOptions) {
    this.#options = options
    this.#answerer = new Answerer(options)
  }

  async start(onFound: (found: Found) => void): Promise<void> {
    const { group, interfaces, keys, self } = this.#options
    await this.#answerer.start()
    this.#caller = new Caller({ group, interfaces, keys, id: self().id, onFound })
  }

  call(): void {
    this.#caller?.call()
  }

  async stop(): Promise<void> {
    this.#answerer.close()
    this.#caller?.close()
  }
}
