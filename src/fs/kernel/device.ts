/** The kernel's end of a mount: where requests come from, and replies and notifications go to. */
import { write, writeSync, writevSync } from 'node:fs'
import { type ReaderEvents, type ReaderKind, startReader } from './reader.ts'

export interface Device {
  /** Starts to read requests, and says in which way. Called once. */
  listen(events: ReaderEvents): ReaderKind
  /** Sends one message. False when nobody waits for it: the request was interrupted, or the mount has gone. */
  send(parts: readonly Uint8Array[]): boolean
  /** Sends a message for which the kernel may have to wait for one of its locks; settles when it has taken it. */
  sendLater(message: Uint8Array): Promise<void>
}

/** /dev/fuse, mounted. */
export class FuseDevice implements Device {
  readonly #fd: number
  readonly #reader: ReaderKind | undefined

  /** @param reader forces a way of reading; the best one by default */
  constructor(fd: number, reader?: ReaderKind) {
    this.#fd = fd
    this.#reader = reader
  }

  listen(events: ReaderEvents): ReaderKind {
    return startReader(this.#fd, events, this.#reader).kind
  }

  send(parts: readonly Uint8Array[]): boolean {
    try {
      const [first] = parts
      if (parts.length === 1 && first) writeSync(this.#fd, first)
      else writevSync(this.#fd, parts)
      return true
    } catch (error) {
      if (isUnwanted(error)) return false
      throw error
    }
  }

  sendLater(message: Uint8Array): Promise<void> {
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
