/** The kernel's end of a mount: where requests come from, and replies and notifications go to. */
import { write, writeSync, writevSync } from 'node:fs'
import { type ReaderEvents, type ReaderKind, startReader } from './reader.ts'

export interface Device {
  /** Starts to read requests, and says in which way. Called once. */
  listen(events: ReaderEvents): ReaderKind
  /**
   * Sends one message: the first `length` bytes of `head`, and `tail`. False when nobody waits for it: the request was
   * interrupted, or the mount has gone.
   */
  send(head: Uint8Array, length: number, tail?: Uint8Array): boolean
  /** Sends a message for which the kernel may have to wait for one of its locks; settles when it has taken it. */
  sendLater(message: Uint8Array): Promise<void>
}

/** /dev/fuse, mounted. */
export class FuseDevice implements Device {
  readonly #fd: number
  readonly #reader: ReaderKind | undefined
  #later: Promise<void> = Promise.resolve()

  /** @param reader forces a way of reading; the best one by default */
  constructor(fd: number, reader?: ReaderKind) {
    this.#fd = fd
    this.#reader = reader
  }

  listen(events: ReaderEvents): ReaderKind {
    return startReader(this.#fd, events, this.#reader).kind
  }

  send(head: Uint8Array, length: number, tail?: Uint8Array): boolean {
    try {
      if (tail === undefined) writeSync(this.#fd, head, 0, length)
      else writevSync(this.#fd, [head.subarray(0, length), tail])
      return true
    } catch (error) {
      if (isUnwanted(error)) return false
      throw error
    }
  }

  /** One at a time: each holds a thread of the pool for as long as it waits, and the reader may need one. */
  sendLater(message: Uint8Array): Promise<void> {
    const sent = this.#later.then(() => this.#write(message))
    this.#later = sent.catch(() => {})
    return sent
  }

  #write(message: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      write(this.#fd, message, (error) => (error && !isUnwanted(error) ? reject(error) : resolve()))
    })
  }
}

/** ENOENT: the kernel does not know the request, the node or the name, or no more. ENODEV: the mount has gone. */
function isUnwanted(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENODEV'
}
