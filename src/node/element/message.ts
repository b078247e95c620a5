/**
 * One message on its way from a sender to a receiver, and the queue of those that no receiver has begun.
 *
 * What a read hands out stays here until the receiver's next operation: only then does it count as taken, and
 * until then it can return (`restore`).
 */
import type { Budget } from '../budget.ts'
import { WaitQueue } from '../wait-queue.ts'

/** Bytes kept of a message that no receiver owns. */
export const SLOT_BYTES = 32 * 1024
/** Bytes on their way in a message that is being received. */
export const STREAM_BYTES = 1 << 20
/** Pieces are run together up to this many bytes. */
const PIECE_BYTES = 4096
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
  #chunks: Buffer[] = []
  #handed: Buffer | undefined
  #kept = 0
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
    return this.#kept === 0
  }

  /** Bytes that it would accept now. */
  get space(): number {
    return Math.max(0, (this.owned ? STREAM_BYTES : SLOT_BYTES) - this.#kept)
  }

  get readable(): boolean {
    return this.#chunks.length > 0 || this.ended || this.broken
  }

  /** Accepts a copy of the first bytes that there is space for, and says how many. */
  accept(bytes: Uint8Array): number {
    const taken = Math.min(this.space, bytes.length)
    if (taken === 0) return 0
    this.#append(bytes.subarray(0, taken))
    this.#book(taken)
    this.#tellReceiver()
    return taken
  }

  /** Small pieces are run together, so that a window of single bytes is not a million objects. */
  #append(bytes: Uint8Array): void {
    const last = this.#chunks.at(-1)
    if (last && last.length + bytes.length <= PIECE_BYTES)
      this.#chunks[this.#chunks.length - 1] = Buffer.concat([last, bytes])
    else this.#chunks.push(Buffer.from(bytes))
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
    const [first] = this.#chunks
    if (first === undefined) return Buffer.alloc(0)
    const all = this.#chunks.length > 1 && first.length < max ? Buffer.concat(this.#chunks) : first
    this.#chunks = all === first ? this.#chunks.slice(1) : []
    if (all.length > max) this.#chunks.unshift(all.subarray(max))
    this.#handed = all.subarray(0, max)
    return this.#handed
  }

  /** What was handed out has been taken for good. */
  settle(): void {
    if (this.#handed === undefined) return
    this.#book(-this.#handed.length)
    this.#handed = undefined
    this.#tellSender()
  }

  /** What was handed out last has not been taken. */
  restore(): void {
    if (this.#handed) this.#chunks.unshift(this.#handed)
    this.#handed = undefined
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
    this.#chunks = []
    this.#handed = undefined
    this.#kept = 0
    this.#budget.give(this.#booked)
    this.#booked = 0
  }

  #book(bytes: number): void {
    this.#kept += bytes
    this.#booked += bytes
    if (bytes > 0) this.#budget.take(bytes)
    else this.#budget.give(-bytes)
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
