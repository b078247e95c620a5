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

/** What a request needs of its session. */
export interface Replier {
  /** A buffer for a reply's body, to be passed to `reply` at once. */
  body(bytes: number): Buffer
  /** Sends a reply; false when nobody waits for it any more. `error` is an errno or 0. */
  reply(unique: number, error: number, body?: Uint8Array): boolean
  /** Remembers a request that is not answered yet, for interrupts. */
  park(request: Request): void
  unpark(request: Request): void
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

  /** Answers with bytes; false when they reached nobody. */
  data(bytes: Uint8Array): boolean {
    return this.#reply(0, bytes)
  }

  ok(): void {
    this.#reply(0)
  }

  fail(code: ErrorCode): void {
    this.#reply(errnoOf(code))
  }

  error(thrown: unknown): CircuitError {
    const error = asCircuitError(thrown)
    this.#reply(error.errno)
    return error
  }

  entry(entry: Entry): void {
    const body = this.#replier.body(ENTRY_BYTES)
    writeEntry(body, entry, 0)
    this.#reply(0, body)
  }

  attributes(attributes: Attributes, seconds: number): void {
    const body = this.#replier.body(ATTR_OUT_BYTES)
    writeAttrOut(body, attributes, seconds, 0)
    this.#reply(0, body)
  }

  /** struct fuse_open_out. */
  opened(handle: number, flags: number): boolean {
    const body = this.#replier.body(16)
    writeU64(body, handle, 0)
    body.writeUInt32LE(flags, 8)
    body.writeUInt32LE(0, 12)
    return this.#reply(0, body)
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
    const body = this.#replier.body(8)
    body.writeUInt32LE(value, 0)
    body.writeUInt32LE(0, 4)
    return this.#reply(0, body)
  }

  #reply(error: number, body?: Uint8Array): boolean {
    if (this.#answered) return false
    this.#answered = true
    if (this.#interrupt) this.#replier.unpark(this)
    return this.#replier.reply(this.unique, error, body)
  }
}
