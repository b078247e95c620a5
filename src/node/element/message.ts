/**
 * One message on its way from a sender to a receiver, and the queue of those that no receiver has begun.
 *
 * What a read hands out stays here until the receiver's next operation: only then does it count as taken, and
 * until then it can return (`restore`).
 */
import type { Budget } from '../budget.ts'
import { ByteQueue, MAX_QUEUED_BYTES } from '../byte-queue.ts'
import { WaitQueue } from '../wait-queue.ts'

/** Bytes kept of a message that no receiver owns. */
export const SLOT_BYTES = 32 * 1024
/** Bytes on their way in a message that is being received. */
export const STREAM_BYTES = MAX_QUEUED_BYTES
/** What a message costs beside its bytes, roughly. */
const OVERHEAD_BYTES = 512

export class Message {
  next: Message | undefined
  previous: Message | undefined
  /** How many messages this stands for: more than 1 only for empty ones in a row. */
  count = 1
  /** No more bytes will come. */
  ended = false
  /** The sender was killed before the end. */
  broken = false
  /** The receiver closed before the end. */
  dropped = false
  /** A receiver has it: it is in no queue. */
  begun = false
  /** A receiver owns it for good. */
  owned = false
  /** Called on every change that the receiver or the sender may wait for. */
  onData: (() => void) | undefined
  onSpace: (() => void) | undefined
  readonly dataWaiters = new WaitQueue()
  readonly spaceWaiters = new WaitQueue()
  readonly #budget: Budget
  readonly #bytes = new ByteQueue()
  /** How many of the first bytes were handed out, and have not been settled. */
  #handed = 0
  #booked = OVERHEAD_BYTES

  constructor(budget: Budget) {
    this.#budget = budget
    budget.take(OVERHEAD_BYTES)
  }

  static empty(budget: Budget): Message {
    const message = new Message(budget)
    message.ended = true
    return message
  }

  /** Nothing was ever accepted, or all of it was taken. */
  get empty(): boolean {
    return this.#bytes.length === 0
  }

  /** Bytes that it would accept now. */
  get space(): number {
    return Math.max(0, (this.owned ? STREAM_BYTES : SLOT_BYTES) - this.#bytes.length)
  }

  get readable(): boolean {
    return this.#bytes.length > this.#handed || this.ended || this.broken
  }

  /** Accepts a copy of the first bytes that there is space for, and says how many. */
  accept(bytes: Uint8Array): number {
    const taken = Math.min(this.space, bytes.length)
    if (taken === 0) return 0
    this.#bytes.push(taken === bytes.length ? bytes : bytes.subarray(0, taken))
    this.#booked += taken
    this.#budget.take(taken)
    this.#tellReceiver()
    return taken
  }

  end(): void {
    this.ended = true
    this.#tellReceiver()
  }

  break(): void {
    this.broken = true
    this.#tellReceiver()
  }

  /** Hands out up to `max` bytes; what was handed out before is settled by this. */
  hand(max: number): Buffer {
    this.settle()
    const bytes = this.#bytes.peek(max)
    this.#handed = bytes.length
    return bytes
  }

  /** What was handed out has been taken for good. */
  settle(): void {
    const taken = this.#handed
    if (taken === 0) return
    this.#handed = 0
    this.#bytes.drop(taken)
    this.#booked -= taken
    this.#budget.give(taken)
    this.#tellSender()
  }

  /** What was handed out last has not been taken. */
  restore(): void {
    this.#handed = 0
  }

  /** The receiver owns it from now on. */
  own(): void {
    this.owned = true
    this.settle()
    this.#tellSender()
  }

  /** Nobody wants the rest. */
  drop(): void {
    this.dropped = true
    this.release()
    this.#tellSender()
  }

  /** Its channel was scrubbed: both sides look again. */
  cancel(): void {
    this.#tellReceiver()
    this.#tellSender()
  }

  /** Gives back what it has booked; idempotent. */
  release(): void {
    this.#bytes.clear()
    this.#handed = 0
    this.#budget.give(this.#booked)
    this.#booked = 0
  }

  #tellReceiver(): void {
    this.dataWaiters.wakeAll()
    this.onData?.()
  }

  #tellSender(): void {
    this.spaceWaiters.wakeAll()
    this.onSpace?.()
  }
}

/** Messages in order, with removal anywhere and return to the head in constant time. */
export class MessageQueue {
  #head: Message | undefined
  #tail: Message | undefined
  #size = 0

  /** Messages in it, each of a run of empty ones counted. */
  get size(): number {
    return this.#size
  }

  get head(): Message | undefined {
    return this.#head
  }

  get tail(): Message | undefined {
    return this.#tail
  }

  push(message: Message): void {
    message.previous = this.#tail
    message.next = undefined
    if (this.#tail) this.#tail.next = message
    else this.#head = message
    this.#tail = message
    this.#size += message.count
  }

  unshift(message: Message): void {
    message.next = this.#head
    message.previous = undefined
    if (this.#head) this.#head.previous = message
    else this.#tail = message
    this.#head = message
    this.#size += message.count
  }

  /** One more like the last message, which is empty. */
  repeatTail(): void {
    if (this.#tail) this.#tail.count++
    this.#size++
  }

  /** One less like the head. */
  takeOneOfHead(): void {
    if (this.#head) this.#head.count--
    this.#size--
  }

  remove(message: Message): void {
    if (message.previous) message.previous.next = message.next
    else if (this.#head === message) this.#head = message.next
    else return
    if (message.next) message.next.previous = message.previous
    else this.#tail = message.previous
    message.next = message.previous = undefined
    this.#size -= message.count
  }
}
