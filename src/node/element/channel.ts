/**
 * A channel: messages in order, each whole and to exactly one receiver, with a buffer of `capacity` of them.
 *
 * A message is *admitted* when its first bytes are accepted: there must be a free slot, or a receiver that
 * waits (blocked in a read, or polling). A receiver *takes* it with its first read and *owns* it with its next
 * operation; between the two it can return to the head of the queue.
 */
import { CircuitError } from '../../proto/errors.ts'
import type { Budget } from '../budget.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  END,
  type OpenMode,
  type Readiness,
  type WriteHow,
} from '../handle.ts'
import { WaitQueue, Watchers } from '../wait-queue.ts'
import { defineKind, type Element, expectWords, type Kind } from './kind.ts'
import { Message, MessageQueue, SLOT_BYTES } from './message.ts'

/** Slots that may be asked for. */
export const MAX_CAPACITY = 1 << 20
/** Longest write(2) on a file opened with `>>`: beyond it the kernel may cut a write in two unseen. */
export const MAX_APPENDED_BYTES = (1 << 20) - 4096

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

/** An open `send`: one message from open to close with `>`, one a write with `>>`. */
class Sender extends BaseHandle {
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

/** An open `recv`: one message with `<`, one after the other with `<>`. */
class Receiver extends BaseHandle {
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
