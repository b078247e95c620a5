/** A client's connection to the server that it has found: made anew when it broke. */
import type { Connection } from '../node/peer/connection.ts'
import type { Greeted } from '../node/peer/greeting.ts'
import { CircuitError } from '../proto/errors.ts'

export class Link {
  readonly #dial: (signal?: AbortSignal) => Promise<Greeted>
  #current: Greeted
  #dialling: Promise<Connection> | undefined
  #closed = false

  private constructor(dial: (signal?: AbortSignal) => Promise<Greeted>, first: Greeted) {
    this.#dial = dial
    this.#current = first
  }

  /** @throws what dial throws */
  static async open(dial: (signal?: AbortSignal) => Promise<Greeted>, signal?: AbortSignal): Promise<Link> {
    return new Link(dial, await dial(signal))
  }

  /** The server on the other side: X and 16 hexadecimal digits. */
  get server(): string {
    return this.#current.hello.id ?? ''
  }

  /** @throws CircuitError when no server is found any more */
  async connect(): Promise<Connection> {
    if (this.#closed) throw new CircuitError('EBADF', 'this circuit has been closed')
    const { connection } = this.#current
    if (!connection.error && !connection.leaving) return connection
    this.#dialling ??= this.#redial().finally(() => {
      this.#dialling = undefined
    })
    return this.#dialling
  }

  async #redial(): Promise<Connection> {
    this.#current = await this.#dial()
    if (this.#closed) this.close()
    return this.#current.connection
  }

  close(): void {
    this.#closed = true
    this.#current.connection.close(new CircuitError('ECANCELED', 'this circuit has been closed'))
  }
}
