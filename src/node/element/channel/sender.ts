/** The side of a channel that sends. */
import { CircuitError } from '../../../proto/errors.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  type OpenMode,
  type Readiness,
  type WriteHow,
} from '../../handle.ts'
import type { Channel } from '../channel.ts'
import { type Message, SLOT_BYTES } from '../message.ts'

/** Longest write(2) on a file opened with `>>`: beyond it the kernel may cut a write in two unseen. */
export const MAX_APPENDED_BYTES = (1 << 20) - 4096

/** An open `send`: one message from open to close with `>`, one a write with `>>`. */
export class Sender extends BaseHandle {
  readonly #channel: Channel
  readonly #append: boolean
  #message: Message | undefined
  /** Sends an empty message at the close, unless something is written before. */
  #emptyAtClose: boolean
  #waiting = false
  #broken = false
  #changed: (() => void) | undefined

  constructor(channel: Channel, mode: OpenMode) {
    super()
    this.#channel = channel
    this.#append = mode.append
    this.#emptyAtClose = mode.truncate && !mode.append
  }

  override write(bytes: Uint8Array, { first, waits }: WriteHow): number | undefined {
    this.#channel.checkAttached()
    this.#emptyAtClose = false
    if (this.#broken)
      throw new CircuitError('ECONNRESET', 'the message was cut short: one of its writers was killed')
    if (this.#append && first) this.#checkLength(bytes, waits)
    const accepted = this.#message ? this.#continue(this.#message, bytes) : this.#begin(bytes)
    if (this.#append && accepted === bytes.length) this.#end()
    return accepted
  }

  #checkLength(bytes: Uint8Array, waits: boolean): void {
    if (!waits && bytes.length > SLOT_BYTES)
      throw new CircuitError(
        'EMSGSIZE',
        `without waiting (O_NONBLOCK) a message appended with >> has at most ${SLOT_BYTES} bytes`,
      )
    if (bytes.length > MAX_APPENDED_BYTES)
      throw new CircuitError(
        'EMSGSIZE',
        `a message appended with >> has at most ${MAX_APPENDED_BYTES} bytes; use > for longer ones`,
      )
  }

  #begin(bytes: Uint8Array): number | undefined {
    // A sender that was blocked when the channel was closed is still let in.
    if (this.#channel.closed && !this.#waiting)
      throw new CircuitError('EPIPE', 'the channel is closed: nothing can be sent on it')
    if (!this.#channel.hasRoom) return undefined
    this.#waiting = false
    const { message, accepted } = this.#channel.admit(bytes)
    this.#message = message
    message.onSpace = this.#changed
    // Another who polls the same open file can go on writing.
    this.#changed?.()
    return accepted
  }

  #continue(message: Message, bytes: Uint8Array): number | undefined {
    if (message.dropped) throw new CircuitError('EPIPE', 'the receiver closed the message before its end')
    return message.accept(bytes) || undefined
  }

  #end(): void {
    const message = this.#message
    if (message === undefined) return
    this.#leave(message)
    message.end()
  }

  /** Done with a message. Another who polls the same open file looks again. */
  #leave(message: Message): void {
    this.#message = undefined
    message.onSpace = undefined
    this.#changed?.()
  }

  /** With `>>` the end of a write is the end of a message. */
  override get gradual(): boolean {
    return !this.#append
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    if (this.#message) return this.#message.spaceWaiters.add(wake)
    this.#waiting = true
    return this.#channel.awaitRoom(wake)
  }

  override interrupt(): 'keep' | 'undo' {
    this.#waiting = false
    if (!this.#append || this.#message === undefined) return 'keep'
    this.#cut(this.#message)
    return 'undo'
  }

  override ready(): Readiness {
    if (this.#channel.scrubbed) return { readable: false, writable: true, hangup: true }
    const message = this.#message
    const hangup = message ? message.dropped : this.#channel.closed
    return {
      readable: false,
      writable: hangup || (message ? message.space > 0 : this.#channel.pollRoom()),
      hangup,
    }
  }

  override watch(changed: () => void): Cancel {
    this.#changed = changed
    if (this.#message) this.#message.onSpace = changed
    return this.#channel.watchSend(changed)
  }

  override get delicate(): boolean {
    return this.#message !== undefined || this.#emptyAtClose
  }

  override abandon(): void {
    this.#emptyAtClose = false
    if (this.#message === undefined) return
    this.#broken = true
    this.#cut(this.#message)
  }

  /** Takes the message back if nobody began it, and marks it otherwise. */
  #cut(message: Message): void {
    this.#leave(message)
    if (message.begun) message.break()
    else this.#channel.withdraw(message)
  }

  override close(): void {
    if (this.#append && this.#message) this.abandon()
    this.#end()
    if (this.#emptyAtClose) this.#channel.admitEmpty()
  }
}
