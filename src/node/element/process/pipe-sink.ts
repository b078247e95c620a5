/** The server's end of the pipe that is a child's stdin. */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { CircuitError } from '../../../proto/errors.ts'
import type { Sink } from '../job/streams.ts'

/** When the pipe is full, this much more is taken to find out when it is not. */
const AHEAD_BYTES = 4096

export class PipeSink implements Sink {
  #fd: number
  #socket: Socket | undefined
  /** Bytes on their way through the socket. */
  #flushing = false
  #ending = false
  #changed: () => void = () => {}

  /** @param fd a non-blocking descriptor of the writing end, closed by this object */
  constructor(fd: number) {
    this.#fd = fd
  }

  listen(changed: () => void): void {
    this.#changed = changed
  }

  get full(): boolean {
    return this.#flushing
  }

  get closed(): boolean {
    return this.#fd < 0
  }

  end(): void {
    if (this.#flushing) this.#ending = true
    else this.close()
  }

  close(): void {
    if (this.closed) return
    closeSync(this.#fd)
    this.#fd = -1
    this.#socket?.destroy()
    this.#changed()
  }

  write(bytes: Uint8Array): number | undefined {
    if (this.#flushing) return undefined
    const written = this.#writePipe(bytes)
    if (written === bytes.length) return written
    return written + this.#writeAhead(bytes.subarray(written, written + AHEAD_BYTES))
  }

  /** Bytes that went into the pipe: fewer than there are when it is full. */
  #writePipe(bytes: Uint8Array): number {
    try {
      return writeSync(this.#fd, bytes)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') return 0
      if (code !== 'EPIPE') throw error
      this.close()
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
    socket.on('error', () => this.close())
    return socket
  }

  #flushed(error: Error | null | undefined): void {
    this.#flushing = false
    if (error || this.#ending) this.close()
    else this.#changed()
  }
}
