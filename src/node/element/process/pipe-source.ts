/**
 * The server's end of a pipe that a child writes: read on demand, so that the child blocks when nobody reads.
 * To learn that there is something, without polling, a socket on the same pipe reads one piece ahead while
 * somebody waits; what it got is held for the next read.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { Socket } from 'node:net'
import { END } from '../../handle.ts'
import type { Source } from '../job/streams.ts'

/** What is read ahead of readers. It is copied, or gone, before the next read, so all pipes share one buffer. */
const AHEAD = Buffer.allocUnsafeSlow(1 << 18)

/** A shorter piece than this is filled up from the pipe. */
const FILLED_UP_BYTES = 4096

export class PipeSource implements Source {
  #fd: number
  #held: Uint8Array[] = []
  #ended = false
  #socket: Socket | undefined
  /** Called once there is something to read or the end has come. */
  #wake: (() => void) | undefined
  #sink: ((bytes: Uint8Array | undefined) => void) | undefined

  /** @param fd a non-blocking descriptor of the reading end, closed by this object */
  constructor(fd: number) {
    this.#fd = fd
  }

  read(max: number, buffer: Buffer = AHEAD): Uint8Array | undefined {
    const held = this.#held.shift()
    if (held && held.length > max) this.#held.unshift(held.subarray(max))
    if (held) {
      const enough = held.length >= Math.min(max, FILLED_UP_BYTES) || this.#held.length > 0
      return enough ? held.subarray(0, max) : this.#fillUp(held, max, buffer)
    }
    if (this.#ended) return END
    const size = this.#readPipe(Math.min(max, buffer.length), buffer)
    if (size === undefined) return undefined
    if (size === 0) this.#end()
    return buffer.subarray(0, size)
  }

  /** What a reader left may be very short, while there is more in the pipe. */
  #fillUp(held: Uint8Array, max: number, buffer: Buffer): Uint8Array {
    buffer.set(held)
    const rest = buffer.subarray(held.length)
    const size = this.#ended ? 0 : this.#readPipe(Math.min(max - held.length, rest.length), rest)
    if (size === 0) this.#end()
    return buffer.subarray(0, held.length + (size ?? 0))
  }

  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#held.unshift(Buffer.from(bytes))
  }

  get readable(): boolean {
    if (this.#held.length > 0 || this.#ended) return true
    const bytes = this.read(AHEAD.length)
    if (bytes === undefined) return false
    this.unread(bytes)
    return true
  }

  await(wake: (() => void) | undefined): void {
    this.#wake = wake
    if (wake) this.#listen()
  }

  flow(sink: (bytes: Uint8Array | undefined) => void): void {
    this.#sink = sink
    // Usually all is there already, and no socket is needed.
    for (let pieces = 0; pieces < 64; pieces++) {
      const bytes = this.read(AHEAD.length)
      if (bytes === undefined) break
      if (bytes.length === 0) return sink(undefined)
      sink(bytes)
    }
    this.#listen()
  }

  /** Read and forgotten: without a reader the child would get SIGPIPE. */
  drop(): void {
    this.flow(() => {})
  }

  /** Lets go of the pipe: the child's next write fails. */
  close(): void {
    this.#held = []
    this.#end()
  }

  /** How many bytes were read into the buffer, 0 at the end, undefined while there are none. */
  #readPipe(max: number, buffer: Buffer): number | undefined {
    try {
      return readSync(this.#fd, buffer, 0, max, null)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
      throw error
    }
  }

  #listen(): void {
    if (this.#ended) return
    if (this.#socket) {
      this.#socket.resume()
      return
    }
    // A descriptor of its own: the socket closes its one when it likes.
    const fd = openSync(`/proc/self/fd/${this.#fd}`, constants.O_RDONLY | constants.O_NONBLOCK)
    const onread = {
      buffer: AHEAD,
      callback: (size: number, buffer: Uint8Array) => this.#heard(buffer.subarray(0, size)),
    }
    // The types know onread only for sockets that connect; net.Socket documents it for all.
    const options = { fd, readable: true, writable: false, onread }
    const socket = new Socket(options)
    socket.on('error', () => this.#atEnd())
    socket.on('end', () => this.#atEnd())
    this.#socket = socket
    socket.resume()
    // Not at once: who begins to wait is not to be woken before that is done.
    setImmediate(() => this.#lookAgain())
  }

  /** A writer that had gone before a descriptor was opened is never told to it (pipe_poll, fs/pipe.c). */
  #lookAgain(): void {
    if (this.#ended || !(this.#wake || this.#sink)) return
    const size = this.#readPipe(AHEAD.length, AHEAD)
    if (size === 0) this.#atEnd()
    else if (size !== undefined) this.#heard(AHEAD.subarray(0, size))
  }

  /** Says whether to go on listening: a waiter that found too little waits again. */
  #heard(bytes: Uint8Array): boolean {
    if (this.#sink) {
      this.#sink(bytes)
      return true
    }
    if (this.#ended) return false
    // Whoever waits takes all of it at once, as a rule; only what is left then needs a place of its own.
    this.#held.push(bytes)
    this.#wakeUp()
    const left = this.#held[this.#held.length - 1]
    if (left?.buffer === AHEAD.buffer) this.#held[this.#held.length - 1] = Buffer.from(left)
    return this.#wake !== undefined
  }

  #atEnd(): void {
    if (this.#ended) return
    this.#end()
    if (this.#sink) this.#sink(undefined)
    else this.#wakeUp()
  }

  #wakeUp(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    closeSync(this.#fd)
    this.#socket?.destroy()
  }
}
