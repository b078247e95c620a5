/**
 * A channel: messages in order, each whole and to exactly one receiver, with a buffer of `capacity` of them.
 *
 * A message is *admitted* when its first bytes are accepted: there must be a free slot, or a receiver that
 * waits (blocked in a read, or polling). A receiver *takes* it with its first read and *owns* it with its next
 * operation; between the two it can return to the head of the queue.
 */
import { CircuitError } from '../../proto/errors.ts'
import type { Budget } from '../budget.ts'
import type { Cancel, OpenMode } from '../handle.ts'
import { WaitQueue, Watchers } from '../wait-queue.ts'
import { Receiver } from './channel/receiver.ts'
import { Sender } from './channel/sender.ts'
import { defineKind, type Element, expectWords, type Kind } from './kind.ts'
import { Message, MessageQueue } from './message.ts'

/** Slots that may be asked for. */
export const MAX_CAPACITY = 1 << 20

export class Channel implements Element {
  readonly capacity: number
  readonly #budget: Budget
  readonly #queue = new MessageQueue()
  readonly #receivers = new WaitQueue()
  readonly #senders = new WaitQueue()
  readonly #polling = new Set<Receiver>()
  /** Messages that a receiver has: in no queue, but blocked ones must hear of a scrub. */
  readonly #begun = new Set<Message>()
  readonly #receiverWatch = new Watchers()
  readonly #senderWatch = new Watchers()
  #unbudgeted: Cancel | undefined
  #pumping = false
  #closed = false
  #scrubbed = false
  #sent = 0
  #received = 0

  constructor(capacity: number, budget: Budget) {
    this.capacity = capacity
    this.#budget = budget
  }

  get kind(): Kind {
    return channelKind
  }

  get alive(): boolean {
    return !this.#closed
  }

  peek(): unknown {
    return {
      Cap: this.capacity,
      Closed: this.#closed,
      Aborted: this.#scrubbed,
      NumSend: this.#sent,
      NumRecv: this.#received,
    }
  }

  /** No more sends; what waits, in a slot or blocked, is still delivered. */
  close(): void {
    if (this.#closed) throw new CircuitError('EPIPE', 'the channel is closed already')
    this.#closed = true
    this.#senderWatch.notify()
    this.#pump()
  }

  scrub(): void {
    this.#scrubbed = true
    this.#unbudgeted?.()
    for (let message = this.#queue.head; message; message = this.#queue.head) {
      this.#queue.remove(message)
      message.drop()
    }
    for (const message of this.#begun) message.cancel()
    this.#receivers.wakeAll()
    this.#senders.wakeAll()
    this.#receiverWatch.notify()
    this.#senderWatch.notify()
  }

  openSend(mode: OpenMode): Sender {
    if (this.#closed) throw new CircuitError('EPIPE', 'the channel is closed: nothing can be sent on it')
    return new Sender(this, mode)
  }

  openReceive(mode: OpenMode): Receiver {
    if (this.drained) throw new CircuitError('ENODATA', 'the channel is closed and drained')
    return new Receiver(this, mode)
  }

  // What senders and receivers use.

  get closed(): boolean {
    return this.#closed
  }

  get scrubbed(): boolean {
    return this.#scrubbed
  }

  /** Closed, and nothing will be received any more. */
  get drained(): boolean {
    return this.#closed && this.#queue.size === 0 && this.#senders.size === 0
  }

  get hasMessage(): boolean {
    return this.#queue.size > 0
  }

  /** Messages that no receiver has begun. */
  get pending(): number {
    return this.#queue.size
  }

  checkAttached(): void {
    if (this.#scrubbed) throw new CircuitError('ECANCELED')
  }

  /** Whether one more message would be admitted: for a waiting receiver, or into a free slot. */
  get hasRoom(): boolean {
    const wanted = this.#receivers.size + this.#polling.size
    if (this.#queue.size < wanted) return true
    return this.#queue.size < this.capacity + wanted && !this.#budget.exhausted
  }

  /** Admits a message that begins with these bytes; says how many it accepted. */
  admit(bytes: Uint8Array): { message: Message; accepted: number } {
    const message = new Message(this.#budget)
    const accepted = message.accept(bytes)
    this.#sent++
    this.#queue.push(message)
    this.#pump()
    return { message, accepted }
  }

  /** Admits an empty message, unless it is too late; a run of them takes the room of one. */
  admitEmpty(): void {
    if (this.#closed || this.#scrubbed) return
    this.#sent++
    const { tail } = this.#queue
    if (tail?.ended && tail.empty) this.#queue.repeatTail()
    else this.#queue.push(Message.empty(this.#budget))
    this.#pump()
  }

  /** Takes the head of the queue for a receiver. */
  take(): Message | undefined {
    const { head } = this.#queue
    if (head === undefined) return undefined
    const message = head.count === 1 ? head : Message.empty(this.#budget)
    if (message === head) this.#queue.remove(head)
    else this.#queue.takeOneOfHead()
    this.#begun.add(message)
    return message
  }

  /** After a take: the slot is free for the next sender. */
  taken(): void {
    this.#pump()
  }

  /** The receiver is done with it. */
  finished(message: Message): void {
    this.#begun.delete(message)
  }

  /** A receiver did not want it after all, or may never have seen it. */
  giveBack(message: Message): void {
    // Sender and receiver are both gone: as if it had never been sent.
    if (message.broken) this.#sent--
    if (message.broken || this.#scrubbed) return message.release()
    this.#queue.unshift(message)
    this.#pump()
  }

  /** Its sender was killed before a receiver began it: it has not been sent. */
  withdraw(message: Message): void {
    this.#sent--
    this.#queue.remove(message)
    message.release()
    this.#pump()
  }

  countReceived(): void {
    this.#received++
  }

  awaitMessage(wake: () => void): Cancel {
    const cancel = this.#receivers.add(wake)
    this.#pump()
    return cancel
  }

  awaitRoom(wake: () => void): Cancel {
    this.#awaitBudget()
    const cancel = this.#senders.add(wake)
    return () => {
      cancel()
      if (this.#closed) this.#pump()
    }
  }

  watchReceive(changed: () => void): Cancel {
    return this.#receiverWatch.add(changed)
  }

  watchSend(changed: () => void): Cancel {
    return this.#senderWatch.add(changed)
  }

  /** Whether there is room; if not, those who watch will be told when there is. */
  pollRoom(): boolean {
    const { hasRoom } = this
    if (!hasRoom) this.#awaitBudget()
    return hasRoom
  }

  /** A receiver that polls counts as one that waits, so that two event loops meet. */
  setPolling(receiver: Receiver, polling: boolean): void {
    if (polling === this.#polling.has(receiver)) return
    if (polling) this.#polling.add(receiver)
    else this.#polling.delete(receiver)
    if (polling) this.#pump()
  }

  /** Brings waiting senders and receivers together until neither can go on; a loop, so that the stack stays flat. */
  #pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#step()) {}
    } finally {
      this.#pumping = false
    }
    if (this.#queue.size > 0 || this.drained) this.#receiverWatch.notify()
    if (this.drained) this.#receivers.wakeAll()
    else if (this.hasRoom) this.#senderWatch.notify()
    else if (this.#senders.size > 0 || this.#senderWatch.size > 0) this.#awaitBudget()
  }

  #step(): boolean {
    if (this.#queue.size > 0 && this.#receivers.size > 0) this.#receivers.wakeOne()
    else if (this.#senders.size > 0 && this.hasRoom) this.#senders.wakeOne()
    else return false
    return true
  }

  /** Where the shared budget, not this channel's capacity, is what senders wait for. */
  #awaitBudget(): void {
    if (this.#unbudgeted || !this.#budget.exhausted) return
    this.#unbudgeted = this.#budget.wait(() => {
      this.#unbudgeted = undefined
      this.#pump()
    })
  }
}

export const channelKind: Kind = defineKind<Channel>({
  name: 'chan',
  files: {
    send: {
      access: 'write',
      nature: 'stream',
      delicate: true,
      help: 'write a message: with > all that is written from open to close is one, with >> each write is one; blocks until a receiver or a free slot takes it',
      open: (channel, mode) => channel.openSend(mode),
    },
    recv: {
      access: 'read',
      nature: 'stream',
      opensBoth: true,
      delicate: true,
      help: 'read a message: blocks until there is one, end of file is its end; with <> the next read takes the next; "No data available" when closed and drained',
      open: (channel, mode) => channel.openReceive(mode),
    },
  },
  verbs: {
    close: {
      usage: 'close',
      help: 'no more sends; what waits is still delivered',
      run: (channel, command) => {
        expectWords(command, 'close', 0)
        channel.close()
      },
    },
  },
  makers: {
    mkchan: {
      usage: 'mkchan [CAPACITY]',
      help: 'make a channel that buffers CAPACITY messages (default 0: a sender waits for its receiver)',
      make: (command, { host }) => {
        const [capacity = '0'] = expectWords(command, 'mkchan [CAPACITY]', 0, 1)
        if (!/^\d{1,7}$/.test(capacity) || Number(capacity) > MAX_CAPACITY)
          throw new CircuitError(
            'EINVAL',
            `mkchan: the capacity is a number from 0 to ${MAX_CAPACITY}, not ${capacity}`,
          )
        return new Channel(Number(capacity), host.messageBudget)
      },
    },
  },
})
