/**
 * Writes of the other side to a file that it has open, one at a time. Their bytes go to the element while the rest of them is
 * still coming, where the element does not mind; otherwise when all are there.
 */
import { CircuitError } from '../../proto/errors.ts'
import { FRAME_FLAG, MAX_WRITE_BYTES } from '../../proto/frame.ts'
import { BlockingCall, type Progress } from '../blocking.ts'
import { ByteQueue } from '../byte-queue.ts'
import type { Handle, WriteHow } from '../handle.ts'
import type { Stream } from './connection.ts'
import { fail } from './failure.ts'

/** So many bytes are worth a call to the element, and waking who waits for them. */
const PART_BYTES = 1 << 16

export class ServedWrites {
  readonly #handle: Handle
  readonly #stream: Stream
  readonly #refuse: (what: string) => void
  /** Bytes of a write that the element has not accepted yet. */
  readonly #waiting = new ByteQueue()
  /** Bytes of it that are still to come. */
  #left = 0
  /** It has not been answered. */
  #open = false
  #how: WriteHow = { first: true, waits: true }
  #written = 0
  #call: BlockingCall | undefined
  #reserved = 0

  /** @param refuse what is done with one that does not keep to the protocol */
  constructor(handle: Handle, stream: Stream, refuse: (what: string) => void) {
    this.#handle = handle
    this.#stream = stream
    this.#refuse = refuse
  }

  /** A part of a write; `left` bytes of it are to come. */
  take(bytes: Buffer, flags: number, left: number): void {
    if (this.#left === 0 && !this.#begin(flags, bytes.length + left)) return
    this.#left = left
    // What comes of a write that has failed is of no use.
    if (!this.#open) return
    this.#waiting.push(bytes)
    if (left === 0 || (this.#handle.gradual && this.#waiting.length >= PART_BYTES)) this.#go()
  }

  interrupt(): void {
    this.#call?.interrupt()
  }

  /** The file has been closed. */
  cancel(): void {
    this.#call?.cancel()
    this.#end()
  }

  /** Says whether its bytes are to be looked at. */
  #begin(flags: number, length: number): boolean {
    const what = this.#open ? 'it writes while it writes' : 'it writes more than 1 MiB'
    if (this.#open || length > MAX_WRITE_BYTES) {
      this.#refuse(what)
      return false
    }
    this.#how = { first: (flags & FRAME_FLAG.FIRST) !== 0, waits: (flags & FRAME_FLAG.WAITS) !== 0 }
    this.#written = 0
    this.#open = this.#stream.reserve(length)
    if (this.#open) this.#reserved = length
    else fail(this.#stream, tooMuch(), true)
    return true
  }

  /** Gives the element what is there, unless it is waited for already. */
  #go(): void {
    if (this.#call && !this.#call.over) return
    const settle = (): boolean => {
      if (this.#written > 0) this.#answer()
      return this.#written > 0
    }
    const failed = (error: unknown): void => {
      this.#end()
      fail(this.#stream, error, true)
    }
    const step = (): Progress => this.#step()
    const { waits } = this.#how
    this.#call = new BlockingCall(this.#handle, 'write', { step, waits, settle, fail: failed })
  }

  #step(): Progress {
    const bytes = this.#waiting.peek(MAX_WRITE_BYTES)
    if (bytes.length > 0) {
      const first = this.#how.first && this.#written === 0
      const accepted = this.#handle.write(bytes, { first, waits: this.#how.waits })
      if (accepted === undefined) return 'wait'
      this.#waiting.drop(accepted)
      this.#written += accepted
    }
    if (this.#waiting.length > 0) return 'again'
    if (this.#left === 0) this.#answer()
    return 'done'
  }

  #answer(): void {
    this.#end()
    this.#stream.send({ written: { count: this.#written, delicate: this.#handle.delicate } })
  }

  #end(): void {
    this.#open = false
    this.#waiting.clear()
    this.#stream.reserve(-this.#reserved)
    this.#reserved = 0
  }
}

const tooMuch = (): CircuitError =>
  new CircuitError('ENOMEM', 'too many bytes that were written over this connection wait to be accepted')
