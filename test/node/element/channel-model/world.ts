/**
 * A channel with its users, and beside it a model of what must come out: a plain list of messages. Users do what the
 * kernel's view does (src/fs/special.ts): they try, wait until they are woken, and try again.
 *
 * The model is told before an attempt what it may come to, because within it others are woken and go on.
 */
import { Budget } from '../../../../src/node/budget.ts'
import { Channel } from '../../../../src/node/element/channel.ts'
import { Receiver } from './receiver.ts'
import { Sender } from './sender.ts'
import { check, codeOf } from './user.ts'

export interface ModelMessage {
  /** All that its sender means to write; of this so many bytes have been accepted. */
  readonly content: Buffer
  accepted: number
  ended: boolean
  broken: boolean
  /** Its receiver has closed. */
  dropped: boolean
}

export class World {
  readonly budget: Budget
  readonly channel: Channel
  readonly senders = new Set<Sender>()
  readonly receivers = new Set<Receiver>()
  /** Sent, and not with a receiver. */
  readonly queue: ModelMessage[] = []
  closed = false
  scrubbed = false
  sent = 0
  received = 0
  hogged = 0

  constructor(capacity: number, budget: number) {
    this.budget = new Budget(budget)
    this.channel = new Channel(capacity, this.budget)
  }

  openSend(append: boolean, truncate: boolean, contents: readonly Buffer[]): void {
    try {
      const handle = this.channel.openSend({ read: false, write: true, append, truncate })
      check(!this.closed, 'a closed channel was opened to send')
      this.senders.add(new Sender(this, handle, append, truncate, contents))
    } catch (thrown) {
      check(this.closed && codeOf(thrown) === 'EPIPE', `openSend: ${thrown}`)
    }
  }

  openReceive(again: boolean): void {
    try {
      const handle = this.channel.openReceive({ read: true, write: again, append: false, truncate: false })
      check(!this.drained, 'a drained channel was opened to receive')
      this.receivers.add(new Receiver(this, handle, again))
    } catch (thrown) {
      check(this.drained && codeOf(thrown) === 'ENODATA', `openReceive: ${thrown}`)
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.channel.close()
  }

  scrub(): void {
    this.scrubbed = true
    this.channel.scrub()
    this.queue.splice(0)
  }

  /** Another channel takes all of the memory, or gives it back. */
  hog(): void {
    const { hogged } = this
    this.hogged = hogged > 0 ? 0 : this.budget.limit
    if (hogged > 0) this.budget.give(hogged)
    else this.budget.take(this.hogged)
  }

  get drained(): boolean {
    const blocked = [...this.senders].some((sender) => sender.waits && sender.message === undefined)
    return this.closed && this.queue.length === 0 && !blocked
  }

  /** Nobody waits who could go on. */
  checkQuiet(): void {
    for (const user of [...this.senders, ...this.receivers]) user.checkWaiting()
    if (this.scrubbed) return
    const { NumSend, NumRecv } = this.channel.peek() as Record<string, number>
    check(NumSend === this.sent, `NumSend is ${NumSend}, sent were ${this.sent}`)
    check(NumRecv === this.received, `NumRecv is ${NumRecv}, received were ${this.received}`)
  }

  /** Everybody closes; what is left is received, or scrubbed; then nothing is booked any more. */
  end(): void {
    if (this.hogged > 0) this.hog()
    for (const sender of [...this.senders]) sender.close()
    for (const receiver of [...this.receivers]) receiver.close()
    for (let left = this.queue.length; left > 0 && !this.scrubbed; left--) {
      this.openReceive(false)
      for (const receiver of [...this.receivers]) {
        while (receiver.read(1 << 20)) {}
        receiver.close()
      }
    }
    check(this.queue.length === 0, `${this.queue.length} messages are left`)
    check(this.budget.used === 0, `${this.budget.used} bytes stay booked`)
  }
}
