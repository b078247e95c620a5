/** A special file that a client has open. */
import type { Readable, Writable } from 'node:stream'
import { BlockingCall, type Call } from '../node/blocking.ts'
import type { Direction, Handle, Readiness } from '../node/handle.ts'
import { CircuitError } from '../proto/errors.ts'
import { MAX_WRITE_BYTES } from '../proto/frame.ts'
import { readableOf, readableStreamOf, writableOf, writableStreamOf } from './streams.ts'

/** Every call that can block can be given up. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

/** What a read asks for if nothing is said, in bytes. */
const READ_BYTES = 1 << 16
/** How long a server may take to say what became of a call that is given up, in ms. */
const GIVE_UP_MS = 1000

/** What an open file needs of the circuit that it belongs to. */
export interface Owner {
  /** Adds path and server to an error. */
  explain(error: unknown, path: string): CircuitError
  /** Settles when the server has done what was sent to it before. */
  settle(): Promise<void>
  /** The file was closed; `unsettled`: the server must hear of that, it is not as if we had been killed. */
  closed(file: OpenFile, unsettled: boolean): void
}

/** One read and one write at a time. A file that is not closed is abandoned when its circuit is closed. */
export class OpenFile {
  /** `/X88550014d4c82e4d/jobs/talk/recv` */
  readonly path: string
  readonly #handle: Handle
  readonly #owner: Owner
  readonly #writes: boolean
  readonly #busy = { read: false, write: false }
  /** Calls that have not been answered, as functions that make them fail. */
  readonly #pending = new Set<(error: unknown) => void>()
  #closed = false

  constructor(path: string, handle: Handle, owner: Owner, writes: boolean) {
    this.path = path
    this.#handle = handle
    this.#owner = owner
    this.#writes = writes
  }

  /**
   * Reads what there is, at most `max` bytes, and waits where there is nothing yet. Empty at the end of the file.
   * Given up, it has taken nothing.
   * @throws CircuitError; the reason of the signal
   */
  read(max: number = READ_BYTES, { signal }: CallOptions = {}): Promise<Buffer> {
    return this.#block('read', signal, (done) => ({
      step: () => {
        const bytes = this.#handle.read(max, true)
        if (bytes === undefined) return 'wait'
        // The handle's memory is used again.
        done(Buffer.from(bytes))
        return 'done'
      },
    }))
  }

  /**
   * Writes all of it, and waits where need be. Gives the number of bytes, which is less than all only if it was given up
   * after a part had been accepted that counts.
   * @throws CircuitError; the reason of the signal
   */
  write(data: Uint8Array | string, { signal }: CallOptions = {}): Promise<number> {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    let written = 0
    /** Where the piece begins that is being written: the kernel, too, makes several writes of a long one. */
    let piece = 0
    if (bytes.length === 0) return Promise.resolve(0)
    return this.#block('write', signal, (done) => ({
      step: () => {
        const rest = bytes.subarray(written, piece + MAX_WRITE_BYTES)
        const accepted = this.#handle.write(rest, { first: written === piece, waits: true })
        if (accepted === undefined) return 'wait'
        written += accepted
        if (written === piece + MAX_WRITE_BYTES) piece = written
        if (written < bytes.length) return 'again'
        done(written)
        return 'done'
      },
      settle: () => {
        if (written > 0) done(written)
        return written > 0
      },
    }))
  }

  /**
   * Waits until a read, or a write, would not have to wait: what poll(2) does.
   * @throws CircuitError; the reason of the signal
   */
  ready(direction: Direction, { signal }: CallOptions = {}): Promise<Readiness> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#closed) throw this.#isClosed()
      /** The next word from the server answers our question; one after that tells of a change. */
      let asked = false
      const look = (): void => {
        const now = this.#handle.ready()
        if (now === undefined) asked = true
        else if (now.hangup || (direction === 'read' ? now.readable : now.writable)) {
          end()
          resolve(now)
        } else if (asked) asked = false
        else asked = this.#handle.ready() === undefined
      }
      const fail = (error: unknown): void => {
        end()
        reject(error)
      }
      const giveUp = (): void => fail(signal?.reason)
      const end = (): void => {
        unwatch()
        this.#pending.delete(fail)
        signal?.removeEventListener('abort', giveUp)
      }
      const unwatch = this.#handle.watch(look)
      this.#pending.add(fail)
      signal?.addEventListener('abort', giveUp)
      look()
    })
  }

  /**
   * Closes it; what was written is whole then. Settles when that is so at the element.
   * @throws CircuitError when the server is lost before it can say so
   */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#end(this.#handle.delicate)
    if (this.#writes) await this.#owner.settle()
  }

  /**
   * Closes it as if its user had been killed: a message that was not written to its end is withdrawn or cut short, one of
   * which only the first bytes were read returns to its channel.
   * @param options.unseen what the last read gave reached nobody: it stays for the next reader
   */
  abandon({ unseen = false }: { readonly unseen?: boolean } = {}): void {
    if (this.#closed) return
    this.#handle.abandon(unseen)
    this.#end(false)
  }

  /** What is read, until the end of the file; it closes the file. Nothing is read before somebody asks for it. */
  readable(): Readable {
    return readableOf(this)
  }

  /** Writes to the file. `end` closes it, `destroy` abandons it. */
  writable(): Writable {
    return writableOf(this)
  }

  /** As a web stream. */
  readableStream(): ReadableStream<Uint8Array> {
    return readableStreamOf(this)
  }

  /** As a web stream. */
  writableStream(): WritableStream<Uint8Array | string> {
    return writableStreamOf(this)
  }

  #block<T>(
    direction: Direction,
    signal: AbortSignal | undefined,
    makeCall: (done: (value: T) => void) => Pick<Call, 'step' | 'settle'>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#closed) throw this.#isClosed()
      if (this.#busy[direction])
        throw new CircuitError('EBUSY', `another ${direction} of this file has not ended yet`)
      this.#busy[direction] = true
      const abandon = (): void => this.abandon()
      let patience: NodeJS.Timeout | undefined
      const end = (): void => {
        this.#busy[direction] = false
        this.#pending.delete(cancel)
        clearTimeout(patience)
        signal?.removeEventListener('abort', giveUp)
      }
      const call = new BlockingCall(this.#handle, direction, {
        waits: true,
        ...makeCall((value) => {
          end()
          resolve(value)
        }),
        fail: (error) => {
          end()
          const givenUp = signal?.aborted && error instanceof CircuitError && error.code === 'EINTR'
          reject(givenUp ? signal.reason : this.#owner.explain(error, this.path))
        },
      })
      if (call.over) return
      this.#pending.add(cancel)
      signal?.addEventListener('abort', giveUp)

      function cancel(error: unknown): void {
        call.cancel()
        end()
        reject(signal?.aborted ? signal.reason : error)
      }
      function giveUp(): void {
        call.interrupt()
        // Its word decides whether something was taken; a server that is held up must not hold us up.
        if (!call.over) patience = setTimeout(abandon, GIVE_UP_MS)
      }
    })
  }

  #end(unsettled: boolean): void {
    this.#closed = true
    for (const fail of [...this.#pending]) fail(this.#isClosed())
    this.#handle.close()
    this.#owner.closed(this, unsettled)
  }

  #isClosed(): CircuitError {
    return new CircuitError('EBADF', 'this file has been closed', { path: this.path })
  }
}
