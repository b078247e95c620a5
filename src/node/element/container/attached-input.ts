/**
 * The input of a container: a connection to the engine, whose half-close is the end of the input. That a connection has ended says
 * nothing of the reason: whoever writes waits until that is told, by `close` or `fail`.
 */
import type { Socket } from 'node:net'
import type { CircuitError } from '../../../proto/errors.ts'
import type { Sink } from '../job/streams.ts'

/** So much is taken before the engine has: it is never without something to take while there is more. */
const AHEAD_BYTES = 128 * 1024
/** What a terminal takes for the end of its input. */
const END_OF_TRANSMISSION = '\x04'

export class AttachedInput implements Sink {
  readonly #socket: Socket
  readonly #terminal: boolean
  #closed = false
  #failure: CircuitError | undefined
  #changed: () => void = () => {}

  constructor(socket: Socket, terminal: boolean) {
    this.#socket = socket
    this.#terminal = terminal
    socket.on('error', () => {})
    // Nothing is ever said on it; without being read its end would not be seen.
    socket.resume()
  }

  listen(changed: () => void): void {
    this.#changed = changed
  }

  get full(): boolean {
    return !this.#failure && (!this.#socket.writable || this.#socket.writableLength >= AHEAD_BYTES)
  }

  get closed(): boolean {
    return this.#closed
  }

  write(bytes: Uint8Array): number | undefined {
    if (this.#failure) throw this.#failure
    if (this.full) return undefined
    const piece = Buffer.from(bytes.subarray(0, AHEAD_BYTES))
    this.#socket.write(piece, () => this.#changed())
    return piece.length
  }

  end(): void {
    if (!this.#terminal) this.#socket.end()
    else if (this.#socket.writable) this.#socket.write(END_OF_TRANSMISSION)
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
    this.#changed()
  }

  /** Nothing more can be written, for this reason. */
  fail(error: CircuitError): void {
    this.#failure = error
    this.#socket.destroy()
    this.#changed()
  }
}
