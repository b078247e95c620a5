/**
 * An open special file. Elements never block: an operation that can't go on now answers `undefined`, and
 * `wait` says when to try again. Whoever holds the handle (the kernel's view, a connection) does the blocking,
 * in one place, and with it interrupts, O_NONBLOCK, poll and deadlines.
 */
import { CircuitError } from '../proto/errors.ts'
import { WaitQueue, Watchers } from './wait-queue.ts'

/** How a file was opened: open(2)'s flags, as far as files here tell them apart. */
export interface OpenMode {
  readonly read: boolean
  readonly write: boolean
  readonly append: boolean
  readonly truncate: boolean
}

/** Who asks: the ids of the calling process as its server sees them, or another server's name. */
export interface Caller {
  readonly uid: number
  readonly gid: number
  /** 0 where the caller is in another pid namespace. */
  readonly pid: number
  readonly peer?: string
}

export type Direction = 'read' | 'write'

/** What a poll(2) would say now. */
export interface Readiness {
  readonly readable: boolean
  readonly writable: boolean
  /** The other side has gone: POLLHUP for readers, POLLERR for writers. */
  readonly hangup: boolean
}

export interface WriteHow {
  /** The bytes begin a write(2); they don't continue one of which a part was accepted. */
  readonly first: boolean
  /** The writer waits until all is accepted. */
  readonly waits: boolean
}

/** Ends a wait early. */
export type Cancel = () => void

export interface Handle {
  /**
   * Takes up to `max` bytes; empty at the end of the file, undefined while there is nothing yet. The bytes are
   * valid until control returns to the event loop. @throws CircuitError
   */
  read(max: number, waits: boolean): Uint8Array | undefined

  /** Takes back what the last read gave: it did not reach the reader. Called right after that read or never. */
  unread(): void

  /**
   * What comes next is the last reader's alone, and may be read before it asks: by one far away, to whom it is sent
   * ahead. What it turns out not to have taken comes back by `returned`.
   */
  readonly streaming: boolean

  /** While streaming: what is there already, as read() gives it. */
  ahead(max: number): Uint8Array | undefined

  /** Takes back the last bytes that were read while streaming: nobody has taken them. */
  returned(bytes: Uint8Array): void

  /**
   * Accepts some or all of the bytes and says how many; undefined while it can take none. The bytes are the
   * caller's again when it returns. @throws CircuitError
   */
  write(bytes: Uint8Array, how: WriteHow): number | undefined

  /** The bytes of one write(2) may be given to it in several calls, as they come. */
  readonly gradual: boolean

  /** Calls `wake` once when it is worth trying again; that may be before this returns. */
  wait(direction: Direction, wake: () => void): Cancel

  /**
   * The caller of a blocked operation was interrupted. Says whether the part that was accepted so far counts;
   * if not, it has been undone. `later`: the one who waits is woken as soon as that is known.
   */
  interrupt(direction: Direction): 'keep' | 'undo' | 'later'

  /**
   * What poll(2) would say; a poll counts as waiting where that matters. The watchers are told when more of it comes
   * true, and, where it is undefined because it is being asked, when it is known.
   */
  ready(): Readiness | undefined

  /** Calls `changed` whenever readiness may have changed, until the handle is closed or cancelled. */
  watch(changed: () => void): Cancel

  /** It asks another server: also a call that may not wait has to wait for the answer. */
  readonly distant: boolean

  /** Whether it matters how the process that used this file ends: see abandon(). */
  readonly delicate: boolean

  /**
   * The process that used this file was killed by a signal: what it had not finished is undone or marked.
   * @param unseen it was killed within its last read, and never saw what that gave
   */
  abandon(unseen: boolean): void

  /** The last close. @throws nothing */
  close(): void
}

/** Answers everything that a file doesn't do; files override what they do. */
export abstract class BaseHandle implements Handle {
  read(_max: number, _waits: boolean): Uint8Array | undefined {
    throw new CircuitError('EBADF')
  }

  unread(): void {}

  get streaming(): boolean {
    return false
  }

  ahead(max: number): Uint8Array | undefined {
    return this.read(max, true)
  }

  returned(_bytes: Uint8Array): void {}

  write(_bytes: Uint8Array, _how: WriteHow): number | undefined {
    throw new CircuitError('EBADF')
  }

  get gradual(): boolean {
    return false
  }

  wait(_direction: Direction, _wake: () => void): Cancel {
    throw new Error('a file that never blocks was waited for')
  }

  interrupt(_direction: Direction): 'keep' | 'undo' | 'later' {
    return 'keep'
  }

  ready(): Readiness | undefined {
    return { readable: true, writable: true, hangup: false }
  }

  watch(_changed: () => void): Cancel {
    return () => {}
  }

  get distant(): boolean {
    return false
  }

  get delicate(): boolean {
    return false
  }

  abandon(_unseen: boolean): void {}

  close(): void {}
}

/** No bytes: the end of a file. */
export const END: Uint8Array = new Uint8Array(0)

/** A text made at open. */
export class TextHandle extends BaseHandle {
  readonly #bytes: Buffer
  #at = 0
  #before = 0

  constructor(text: string | Uint8Array) {
    super()
    if (Buffer.isBuffer(text)) this.#bytes = text
    else if (typeof text === 'string') this.#bytes = Buffer.from(text)
    else this.#bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
  }

  get length(): number {
    return this.#bytes.length
  }

  override get streaming(): boolean {
    return true
  }

  override returned(bytes: Uint8Array): void {
    this.#at -= bytes.length
  }

  override read(max: number): Buffer {
    this.#before = this.#at
    this.#at = Math.min(this.#bytes.length, this.#at + max)
    return this.#bytes.subarray(this.#before, this.#at)
  }

  override unread(): void {
    this.#at = this.#before
  }
}

/** A text that was asked for at open, and comes soon. */
export class ComingText extends BaseHandle {
  readonly #waiters = new WaitQueue()
  readonly #watchers = new Watchers()
  #text: TextHandle | undefined

  /** @param text settles in any case */
  constructor(text: Promise<string>) {
    super()
    void text.then((known) => {
      this.#text = new TextHandle(known)
      this.#waiters.wakeAll()
      this.#watchers.notify()
    })
  }

  override read(max: number): Uint8Array | undefined {
    return this.#text?.read(max)
  }

  override unread(): void {
    this.#text?.unread()
  }

  override wait(_direction: Direction, wake: () => void): Cancel {
    return this.#waiters.add(wake)
  }

  override ready(): Readiness {
    return { readable: this.#text !== undefined, writable: false, hangup: false }
  }

  override watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }
}
