/** A request of the kernel's, to be answered exactly once, now or later. */

import type { Caller } from '../../node/handle.ts'
import { asCircuitError, type CircuitError, type ErrorCode, errnoOf } from '../../proto/errors.ts'
import {
  ATTR_OUT_BYTES,
  type Attributes,
  ENTRY_BYTES,
  type Entry,
  writeAttrOut,
  writeEntry,
  writeU64,
} from './codec.ts'
import type { Numbering } from './numbering.ts'
import { REPLY_BODY, type Replies } from './replies.ts'

/** What a request needs of its session. */
export interface Replier {
  readonly replies: Replies
  /** Remembers a request that is not answered yet, for interrupts. */
  park(request: Request): void
  unpark(request: Request): void
  readonly numbering: Numbering
}

export class Request {
  readonly unique: number
  readonly uid: number
  readonly gid: number
  readonly pid: number
  readonly #replier: Replier
  #answered = false
  #interrupt: (() => void) | undefined

  constructor(replier: Replier, unique: number, uid: number, gid: number, pid: number) {
    this.#replier = replier
    this.unique = unique
    this.uid = uid
    this.gid = gid
    this.pid = pid
  }

  /** Who sent it, without what the request holds on to. */
  get caller(): Caller {
    return { uid: this.uid, gid: this.gid, pid: this.pid }
  }

  get answered(): boolean {
    return this.#answered
  }

  /** From now on an interrupt calls this; it should answer soon, with EINTR or with what it has. */
  onInterrupt(interrupt: () => void): void {
    if (this.#answered) return
    if (this.#interrupt === undefined) this.#replier.park(this)
    this.#interrupt = interrupt
  }

  interrupt(): void {
    this.#interrupt?.()
  }

  /** The highest number of a request so far, this one or a later one. */
  get newest(): number {
    return this.#replier.numbering.newest
  }

  /** Whether a call was made after another request, and before this one, that we never heard of: its process was killed. */
  isAnyMissingSince(newest: number): boolean {
    return this.#replier.numbering.isAnyMissing(newest, this.unique)
  }

  /** Answers with bytes; false when they reached nobody. */
  data(bytes: Uint8Array): boolean {
    return this.#take() && this.#replier.replies.data(this.unique, bytes)
  }

  ok(): void {
    this.#send(0)
  }

  fail(code: ErrorCode): void {
    this.#fail(errnoOf(code))
  }

  error(thrown: unknown): CircuitError {
    const error = asCircuitError(thrown)
    this.#fail(error.errno)
    return error
  }

  entry(entry: Entry): void {
    writeEntry(this.#replier.replies.view, entry, REPLY_BODY)
    this.#send(ENTRY_BYTES)
  }

  attributes(attributes: Attributes, seconds: number): void {
    writeAttrOut(this.#replier.replies.view, attributes, seconds, REPLY_BODY)
    this.#send(ATTR_OUT_BYTES)
  }

  /** struct fuse_open_out. */
  opened(handle: number, flags: number): boolean {
    const { view } = this.#replier.replies
    writeU64(view, handle, REPLY_BODY)
    writeU64(view, flags, REPLY_BODY + 8)
    return this.#send(16)
  }

  /** struct fuse_write_out. */
  written(bytes: number): boolean {
    return this.#number(bytes)
  }

  /** struct fuse_poll_out. */
  polled(events: number): void {
    this.#number(events)
  }

  #number(value: number): boolean {
    writeU64(this.#replier.replies.view, value, REPLY_BODY)
    return this.#send(8)
  }

  /** Sends the body that has been written. */
  #send(length: number): boolean {
    return this.#take() && this.#replier.replies.send(this.unique, length)
  }

  #fail(errno: number): void {
    if (this.#take()) this.#replier.replies.fail(this.unique, errno)
  }

  /** Whether it is to be answered now; only the first answer counts. */
  #take(): boolean {
    if (this.#answered) return false
    this.#answered = true
    if (this.#interrupt) this.#replier.unpark(this)
    return true
  }
}
