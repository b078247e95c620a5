/** Somebody who has `recv` open, and what should come out of it. */
import type { Handle } from '../../../../src/node/handle.ts'
import { check, codeOf, User } from './user.ts'
import type { ModelMessage, World } from './world.ts'

export class Receiver extends User {
  readonly #again: boolean
  #message: ModelMessage | undefined
  #at = 0
  /** What the last read gave: it can be taken back. */
  #last: 'nothing' | 'bytes' | 'end' = 'nothing'
  #lastLength = 0
  #fresh = false
  #atEnd = false

  constructor(world: World, handle: Handle, again: boolean) {
    super(world, handle)
    this.#again = again
  }

  /** A read without waiting; true when it gave bytes. */
  read(max: number): boolean {
    if (this.waits) return false
    this.stopPolling()
    if (!this.#step(max)) this.handle.interrupt('read')
    return this.#last === 'bytes'
  }

  readBlocking(max: number): void {
    if (this.waits) return
    this.stopPolling()
    this.block('read', () => this.#step(max))
  }

  #step(max: number): boolean {
    this.#own()
    this.#last = 'nothing'
    try {
      const bytes = this.handle.read(max, true)
      if (bytes === undefined) return false
      check(bytes.length <= max, 'a read gave more than it was asked for')
      if (bytes.length > 0) this.#took(Buffer.from(bytes))
      else this.#ended()
    } catch (thrown) {
      this.#checkError(codeOf(thrown))
    }
    return true
  }

  #own(): void {
    if (this.#fresh) this.world.received++
    this.#fresh = false
    if (this.#atEnd) this.#message = undefined
    if (this.#again) this.#atEnd = false
  }

  #take(): ModelMessage {
    const message = this.#message ?? this.world.queue.shift()
    if (message === undefined) throw new Error('a read gave bytes that nobody sent')
    if (this.#message === undefined) {
      this.#fresh = true
      this.#at = 0
    }
    this.#message = message
    return message
  }

  #took(bytes: Buffer): void {
    check(!this.#atEnd, 'bytes came after the end')
    const { content, accepted } = this.#take()
    const end = this.#at + bytes.length
    check(end <= accepted, 'a read gave more than was accepted')
    check(
      bytes.equals(content.subarray(this.#at, end)),
      'a read gave other bytes, or those of another message',
    )
    this.#at = end
    this.#last = 'bytes'
    this.#lastLength = bytes.length
  }

  #ended(): void {
    if (this.#atEnd) return
    const { accepted, ended, broken } = this.#take()
    check(ended && !broken && this.#at === accepted, 'the end of a file came before the end of the message')
    this.#atEnd = true
    this.#last = 'end'
  }

  #checkError(code: string): void {
    const { world } = this
    if (code === 'ECANCELED') return check(world.scrubbed, code)
    if (code === 'ENODATA') return check(this.#message === undefined && world.drained, code)
    if (code !== 'ECONNRESET') throw new Error(`a read failed with ${code}`)
    const message = this.#message
    check(message?.broken === true && this.#at === message.accepted, code)
    if (this.#again) this.#message = undefined
  }

  /** What the last read gave reached nobody. Called right after it. */
  unread(): void {
    if (this.#last === 'nothing' || this.waits) return
    if (this.#fresh) this.#giveBack(() => this.handle.unread())
    else {
      if (this.#last === 'bytes') this.#at -= this.#lastLength
      this.#atEnd = false
      this.handle.unread()
    }
    this.#last = 'nothing'
  }

  #giveBack(how: () => void): void {
    const message = this.#message
    if (message?.broken) this.world.sent--
    else if (message && !this.world.scrubbed) this.world.queue.unshift(message)
    this.#message = undefined
    this.#fresh = this.#atEnd = false
    how()
  }

  interrupt(): void {
    if (this.stopWaiting()) this.handle.interrupt('read')
  }

  /** The process is killed, and its descriptor closed. */
  kill(): void {
    this.interrupt()
    check(this.handle.delicate === this.#fresh, 'delicate is what was handed out and not owned')
    if (this.handle.delicate) this.#giveBack(() => this.handle.abandon(false))
    this.close()
  }

  override poll(): void {
    if (this.waits) return
    this.#own()
    this.#last = 'nothing'
    super.poll()
  }

  close(): void {
    this.interrupt()
    this.#own()
    this.world.receivers.delete(this)
    if (this.#message) this.#message.dropped = true
    this.#message = undefined
    this.closeHandle()
  }

  protected override couldGoOn(): boolean {
    return this.#step(1)
  }
}
