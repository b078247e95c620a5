/**
 * A channel with its users, and beside it a model of what must come out: a plain list of messages. Users do what the
 * kernel's view does (src/fs/special.ts): they try, wait until they are woken, and try again.
 *
 * The model is told before an attempt what it may come to, because within it others are woken and go on.
 */
import { Budget } from '../../../src/node/budget.ts'
import { Channel } from '../../../src/node/element/channel.ts'
import type { Cancel, Handle } from '../../../src/node/handle.ts'
import { CircuitError } from '../../../src/proto/errors.ts'

interface ModelMessage {
  /** All that its sender means to write; of this so many bytes have been accepted. */
  readonly content: Buffer
  accepted: number
  ended: boolean
  broken: boolean
  /** Its receiver has closed. */
  dropped: boolean
}

const check = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

const codeOf = (thrown: unknown): string => {
  if (thrown instanceof CircuitError) return thrown.code
  throw thrown
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

abstract class User {
  protected readonly world: World
  protected readonly handle: Handle
  protected cancel: Cancel | undefined
  #watch: Cancel | undefined
  #poll: 'idle' | 'waits' = 'idle'

  constructor(world: World, handle: Handle) {
    this.world = world
    this.handle = handle
  }

  get waits(): boolean {
    return this.cancel !== undefined
  }

  /** Blocks until `attempt` says that it is done. */
  protected block(direction: 'read' | 'write', attempt: () => boolean): void {
    const go = (): void => {
      for (;;) {
        if (attempt()) return
        let waiting = false
        let woken = false
        const cancel = this.handle.wait(direction, () => {
          woken = true
          if (!waiting) return
          this.cancel = undefined
          go()
        })
        if (woken) continue
        waiting = true
        this.cancel = cancel
        return
      }
    }
    go()
  }

  protected stopWaiting(): boolean {
    const { cancel } = this
    this.cancel = undefined
    cancel?.()
    return cancel !== undefined
  }

  /** Whoever waits would get nothing by trying once more, and whoever polls has been told of what is to be had. */
  checkWaiting(): void {
    if (this.cancel !== undefined) check(!this.couldGoOn(), `${this.constructor.name} waits, but could go on`)
    if (this.#poll === 'waits') check(!this.#isReady(), `${this.constructor.name} polls, and was not told`)
  }

  protected abstract couldGoOn(): boolean

  /** Asks for readiness; if there is none, a change must be told. */
  poll(): void {
    this.#watch ??= this.handle.watch(() => {
      this.#poll = 'idle'
    })
    this.#poll = this.#isReady() ? 'idle' : 'waits'
  }

  protected stopPolling(): void {
    this.#poll = 'idle'
  }

  #isReady(): boolean {
    const { readable, writable, hangup } = this.handle.ready()
    return readable || writable || hangup
  }

  protected closeHandle(): void {
    this.stopPolling()
    this.#watch?.()
    this.handle.close()
  }
}

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
    if (this.handle.delicate) this.handle.abandon()
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
      const bytes = this.handle.read(max)
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
    if (message && !message.broken && !this.world.scrubbed) this.world.queue.unshift(message)
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
    if (this.handle.delicate) this.#giveBack(() => this.handle.abandon())
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
