/** Somebody who has `send` open, and the message that should come of it. */
import type { Handle } from '../../../../src/node/handle.ts'
import { check, codeOf, User } from './user.ts'
import type { ModelMessage, World } from './world.ts'

/** One write(2) on its way. */
interface Write {
  readonly bytes: Buffer
  readonly waits: boolean
  written: number
}

export class Sender extends User {
  message: ModelMessage | undefined
  readonly #append: boolean
  #emptyAtClose: boolean
  #contents: Buffer[]
  #write: Write | undefined
  #broken = false

  constructor(world: World, handle: Handle, append: boolean, truncate: boolean, contents: readonly Buffer[]) {
    super(world, handle)
    this.#append = append
    this.#emptyAtClose = truncate && !append
    this.#contents = [...contents]
  }

  /** A write of up to `length` bytes of its message, or, with >>, of the next message. */
  write(length: number, waits: boolean): void {
    if (this.waits) return
    this.stopPolling()
    const bytes = this.#next(length)
    if (bytes === undefined) return
    this.#write = { bytes, waits, written: 0 }
    if (waits) this.block('write', () => this.#step())
    else if (!this.#step()) this.#giveUp()
  }

  #next(length: number): Buffer | undefined {
    const [content] = this.#contents
    if (this.#append || content === undefined) return this.#contents.shift()
    const from = this.message?.accepted ?? 0
    return from < content.length ? content.subarray(from, from + length) : undefined
  }

  /** As OpenFile.write: on until all is accepted. */
  #step(): boolean {
    const write = this.#write
    if (write === undefined) throw new Error('there is no write to go on with')
    try {
      while (write.written < write.bytes.length) {
        const accepted = this.#accept(write)
        if (accepted === undefined) return false
        write.written += accepted
      }
    } catch (thrown) {
      this.#checkError(codeOf(thrown), write)
    }
    this.#write = undefined
    return true
  }

  #accept(write: Write): number | undefined {
    const { world } = this
    const rest = write.bytes.subarray(write.written)
    const begins = this.message === undefined && !this.#broken
    const message = this.message ?? this.#makeMessage(write)
    if (begins) world.queue.push(message)
    if (begins) world.sent++
    if (begins) this.message = message
    const before = message.accepted
    // With >> the last byte ends it, and a receiver may see that within this call.
    message.accepted = before + rest.length
    message.ended = this.#append
    let accepted: number | undefined
    try {
      accepted = this.handle.write(rest, { first: write.written === 0, waits: write.waits })
    } finally {
      message.accepted = before + (accepted ?? 0)
      message.ended = this.#append && message.accepted === message.content.length
      if (begins && accepted === undefined) this.#unsend(message)
      this.#emptyAtClose = false
    }
    check(accepted !== 0, 'a write accepted nothing, and did not say so')
    if (message.ended) this.message = undefined
    return accepted
  }

  #makeMessage(write: Write): ModelMessage {
    const content = this.#append ? write.bytes : (this.#contents[0] ?? write.bytes)
    return { content, accepted: 0, ended: false, broken: false, dropped: false }
  }

  #unsend(message: ModelMessage): void {
    const { queue } = this.world
    check(queue.includes(message), 'a message was received that was never sent')
    queue.splice(queue.indexOf(message), 1)
    this.world.sent--
    this.message = undefined
  }

  #checkError(code: string, write: Write): void {
    const { world, message } = this
    if (code === 'ECANCELED') check(world.scrubbed, code)
    else if (code === 'EPIPE') check(message ? message.dropped : world.closed, code)
    else if (code === 'ECONNRESET') check(this.#broken, code)
    else if (code === 'EMSGSIZE') check(this.#append && !write.waits && write.bytes.length > 32768, code)
    else throw new Error(`a write failed with ${code}`)
  }

  /** A signal, or O_NONBLOCK: what was accepted counts with >, and is undone with >>. */
  #giveUp(): void {
    const undone = this.#append ? this.message : undefined
    this.#write = undefined
    if (undone) this.#cut(undone)
    const kept = this.handle.interrupt('write') === 'keep'
    check(kept === (undone === undefined), `an interrupted write was ${kept ? 'kept' : 'undone'}`)
  }

  interrupt(): void {
    if (this.stopWaiting()) this.#giveUp()
  }

  /** The process is killed; others may have the file open still. */
  kill(): void {
    this.interrupt()
    const { message } = this
    this.#emptyAtClose = false
    if (message) this.#broken = true
    if (message) this.#cut(message)
    if (this.handle.delicate) this.handle.abandon(false)
  }

  /** Taken back if it is with nobody, marked otherwise. */
  #cut(message: ModelMessage): void {
    const { queue } = this.world
    const at = queue.indexOf(message)
    if (at >= 0) queue.splice(at, 1)
    if (at >= 0) this.world.sent--
    else message.broken = true
    this.message = undefined
  }

  close(): void {
    this.interrupt()
    const { world, message } = this
    world.senders.delete(this)
    if (message) message.ended = true
    if (this.#emptyAtClose && !world.closed && !world.scrubbed) {
      world.queue.push({ content: Buffer.alloc(0), accepted: 0, ended: true, broken: false, dropped: false })
      world.sent++
    }
    this.closeHandle()
  }

  protected override couldGoOn(): boolean {
    const write = this.#write
    try {
      return write !== undefined && this.#accept(write) !== undefined
    } catch {
      return true
    }
  }
}
