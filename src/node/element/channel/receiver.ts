/** The side of a channel that receives. */
import { CircuitError } from '../../../proto/errors.ts'
import { BaseHandle, type Cancel, type Direction, END, type OpenMode, type Readiness } from '../../handle.ts'
import type { Channel } from '../channel.ts'
import type { Message } from '../message.ts'

/** An open `recv`: one message with `<`, one after the other with `<>`. */
export class Receiver extends BaseHandle {
  readonly #channel: Channel
  /** A read after the end of a message takes the next one. */
  readonly #again: boolean
  #message: Message | undefined
  /** The message may still return to the queue. */
  #fresh = false
  #atEnd = false
  #changed: (() => void) | undefined

  constructor(channel: Channel, mode: OpenMode) {
    super()
    this.#channel = channel
    this.#again = mode.write
  }

  override read(max: number): Uint8Array | undefined {
    this.#own()
    if (this.#atEnd && !this.#again) return END
    this.#channel.checkAttached()
    const message = this.#message ?? this.#take()
    if (message === undefined) return undefined
    const bytes = message.hand(max)
    if (bytes.length > 0) return bytes
    if (message.broken) {
      // Told once where the next read takes the next message, and again and again where it does not.
      if (this.#again) this.#forget().release()
      throw new CircuitError('ECONNRESET', 'the message was cut short: its sender was killed')
    }
    if (!message.ended) return undefined
    this.#atEnd = true
    return END
  }

  #take(): Message | undefined {
    const message = this.#channel.take()
    if (message === undefined) {
      if (this.#channel.drained) throw new CircuitError('ENODATA', 'the channel is closed and drained')
      return undefined
    }
    this.#channel.setPolling(this, false)
    this.#message = message
    this.#fresh = true
    message.begun = true
    message.onData = this.#changed
    this.#channel.taken()
    return message
  }

  /** Settles what the last operation handed out. */
  #own(): void {
    if (this.#fresh) {
      this.#fresh = false
      this.#message?.own()
      this.#channel.countReceived()
    }
    if (this.#atEnd && this.#message) this.#forget().release()
    if (this.#again) this.#atEnd = false
  }

  #forget(): Message {
    const message = this.#message
    if (message === undefined) throw new Error('a receiver without a message has none to forget')
    this.#message = undefined
    message.onData = undefined
    this.#channel.finished(message)
    return message
  }

  override unread(): void {
    this.#atEnd = false
    if (this.#fresh) this.abandon()
    else this.#message?.restore()
  }

  /** In the midst of a message that is its own. What it does not take of that is nobody's. */
  override get streaming(): boolean {
    return this.#message !== undefined && !this.#fresh && !this.#atEnd
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#message ? this.#message.dataWaiters.add(wake) : this.#channel.awaitMessage(wake)
  }

  override ready(): Readiness {
    this.#own()
    if (this.#channel.scrubbed) return { readable: true, writable: false, hangup: true }
    if (this.#message)
      return { readable: this.#message.readable, writable: false, hangup: this.#message.broken }
    if (this.#atEnd) return { readable: true, writable: false, hangup: false }
    this.#channel.setPolling(this, true)
    const hangup = this.#channel.drained
    return { readable: hangup || this.#channel.hasMessage, writable: false, hangup }
  }

  override watch(changed: () => void): Cancel {
    this.#changed = changed
    if (this.#message) this.#message.onData = changed
    return this.#channel.watchReceive(changed)
  }

  override get delicate(): boolean {
    return this.#fresh
  }

  override abandon(): void {
    if (!this.#fresh || this.#message === undefined) return
    this.#fresh = this.#atEnd = false
    const message = this.#forget()
    message.begun = false
    message.restore()
    this.#channel.giveBack(message)
  }

  override close(): void {
    this.#channel.setPolling(this, false)
    this.#own()
    if (this.#message) this.#forget().drop()
  }
}
