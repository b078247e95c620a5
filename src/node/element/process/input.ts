/** A process's stdin: what is written goes into its pipe at once, and waits when that is full. */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { CircuitError } from '../../../proto/errors.ts'
import {
  BaseHandle,
  type Cancel,
  type Direction,
  type Handle,
  type OpenMode,
  type Readiness,
} from '../../handle.ts'
import { WaitQueue, Watchers } from '../../wait-queue.ts'

/** When the pipe is full, this much more is taken to find out when it is not. */
const AHEAD_BYTES = 4096

export class Input {
  #fd: number
  #socket: Socket | undefined
  /** Bytes on their way through the socket. */
  #flushing = false
  #ending = false
  #state: 'open' | 'closed' | 'scrubbed' = 'open'
  /** Open files that are the whole input: the last close ends it. */
  #wholes = 0
  readonly #writers = new WaitQueue()
  readonly #watchers = new Watchers()

  /** @param fd a non-blocking descriptor of the writing end, closed by this object */
  constructor(fd: number) {
    this.#fd = fd
  }

  open(mode: OpenMode): Handle {
    return new InputHandle(this, mode)
  }

  /** The process sees the end of its input once what was accepted has reached it. */
  end(): void {
    if (this.#flushing) this.#ending = true
    else this.#close()
  }

  /** The process has gone. */
  close(): void {
    this.#close()
  }

  /** The process lives on, and its input stays open, but nobody can write to it any more. */
  scrub(): void {
    this.#state = 'scrubbed'
    this.#wakeAll()
  }

  // What writers use.

  addWhole(): void {
    this.#wholes++
  }

  removeWhole(): void {
    if (--this.#wholes === 0) this.end()
  }

  get accepting(): boolean {
    return this.#state === 'open' && !this.#ending
  }

  get writable(): boolean {
    return !this.accepting || !this.#flushing
  }

  write(bytes: Uint8Array): number | undefined {
    if (this.#state === 'scrubbed') throw new CircuitError('ECANCELED', 'the process was scrubbed')
    if (!this.accepting)
      throw new CircuitError('EPIPE', "the process's standard input is closed, or the process has gone")
    if (this.#flushing) return undefined
    const written = this.#writePipe(bytes)
    if (written === bytes.length) return written
    return written + this.#writeAhead(bytes.subarray(written, written + AHEAD_BYTES))
  }

  wait(wake: () => void): Cancel {
    return this.#writers.add(wake)
  }

  watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  /** Bytes that went into the pipe: fewer than there are when it is full. */
  #writePipe(bytes: Uint8Array): number {
    try {
      return writeSync(this.#fd, bytes)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') return 0
      if (code !== 'EPIPE') throw error
      this.#close()
      throw new CircuitError('EPIPE', 'the process has closed its standard input', { cause: error })
    }
  }

  #writeAhead(bytes: Uint8Array): number {
    this.#socket ??= this.#openSocket()
    this.#flushing = true
    this.#socket.write(Buffer.from(bytes), (error) => this.#flushed(error))
    return bytes.length
  }

  #openSocket(): Socket {
    const fd = openSync(`/proc/self/fd/${this.#fd}`, constants.O_WRONLY | constants.O_NONBLOCK)
    const socket = new Socket({ fd, readable: false, writable: true })
    socket.on('error', () => this.#close())
    return socket
  }

  #flushed(error: Error | null | undefined): void {
    this.#flushing = false
    if (error || this.#ending) this.#close()
    this.#writers.wakeWhile(() => this.writable)
    this.#watchers.notify()
  }

  #close(): void {
    if (this.#fd >= 0) closeSync(this.#fd)
    this.#fd = -1
    this.#socket?.destroy()
    if (this.#state === 'open') this.#state = 'closed'
    this.#wakeAll()
  }

  #wakeAll(): void {
    this.#writers.wakeAll()
    this.#watchers.notify()
  }
}

/** An open `stdin`: with `>` the whole input, with `>>` a part of it. */
class InputHandle extends BaseHandle {
  readonly #input: Input
  readonly #append: boolean
  #whole = false

  constructor(input: Input, mode: OpenMode) {
    super()
    this.#input = input
    this.#append = mode.append
    if (mode.truncate) this.#beWhole()
  }

  #beWhole(): void {
    if (this.#whole || this.#append) return
    this.#whole = true
    this.#input.addWhole()
  }

  override write(bytes: Uint8Array): number | undefined {
    this.#beWhole()
    return this.#input.write(bytes)
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#input.wait(wake)
  }

  override ready(): Readiness {
    return { readable: false, writable: this.#input.writable, hangup: !this.#input.accepting }
  }

  override watch(changed: () => void): Cancel {
    return this.#input.watch(changed)
  }

  override close(): void {
    if (this.#whole) this.#input.removeWhole()
  }
}
