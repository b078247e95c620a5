/**
 * An open special file as the kernel sees it: reads, writes and polls become calls on its handle, which block, or not, and
 * are interrupted, as a process expects of a file.
 */
import { BlockingCall, type Call, type Progress } from '../node/blocking.ts'
import type { FileType } from '../node/element/kind.ts'
import { type Cancel, END, type Handle, type OpenMode, type Readiness } from '../node/handle.ts'
import { O, OPEN_FLAG, POLL } from './kernel/abi.ts'
import { isKilled, isKilledReading } from './kernel/killed.ts'
import type { Request } from './kernel/request.ts'
import type { ReadRequest, WriteRequest } from './kernel/session.ts'

/** A text is taken from its handle in pieces of this many bytes. */
const TEXT_PIECE_BYTES = 1 << 20

/**
 * Tools that seek back over what they read too much (head, grep -m, the read of bash) read less than this at a time;
 * cat and cp, which never do, read more, and are spared the copy.
 */
const REPLAYED_BYTES = 128 * 1024

export class OpenFile {
  readonly #handle: Handle
  readonly #type: FileType
  readonly #notify: (kernelHandle: number) => void
  readonly #seekable: boolean
  /** Of a delicate file: processes that have written and not closed, by the owner ids of their tables of files. */
  readonly #writers = new Set<number>()
  #lastRead: LastRead | undefined
  /** Bytes that a stream has given, and the last of them, which can be had again. */
  #position = 0
  #replay: Buffer = Buffer.alloc(0)
  #text: Buffer | undefined
  #pieces: Buffer[] = []
  #watch: Cancel | undefined
  /** A poll waits for the next change. */
  #armed = false
  /** The last answer to a poll. */
  #told = 0
  /** Polls whose answers another server is asked for. */
  #asking = 0

  /** @param notify wakes those who poll the file */
  constructor(handle: Handle, type: FileType, mode: OpenMode, notify: (kernelHandle: number) => void) {
    this.#handle = handle
    this.#type = type
    this.#notify = notify
    this.#seekable = type.nature === 'text' || !mode.write
  }

  /** Flags of struct fuse_open_out. Sizes are 0, so everything goes past the page cache. */
  get flags(): number {
    const flags = OPEN_FLAG.DIRECT_IO | (this.#type.delicate ? 0 : OPEN_FLAG.NOFLUSH)
    // Without STREAM a blocked read would hold the lock of the file's position (fdget_pos) against a write. What is
    // only read can be seeked, for the sake of the tools that insist on it in a regular file.
    return this.#seekable ? flags : flags | OPEN_FLAG.STREAM | OPEN_FLAG.NONSEEKABLE
  }

  read(request: Request, read: ReadRequest): void {
    // sendfile(2) and mappings would see a file of no size; EINVAL makes tools fall back to read(2).
    if (read.cached) return request.fail('EINVAL')
    if (this.#type.nature === 'text') return this.#readText(request, read)
    if (this.#seekable && read.offset !== this.#position) return this.#readElsewhere(request, read)
    let tries = 0
    const waits = (read.flags & O.NONBLOCK) === 0
    this.#blockRead(request, waits, () => {
      tries++
      const bytes = this.#handle.read(read.size, waits)
      if (bytes === undefined) return false
      if (!request.data(bytes)) this.#handle.unread()
      else if (this.#seekable) this.#advance(bytes, read.size)
      this.#lastRead = {
        owner: read.owner,
        pid: request.pid,
        size: read.size,
        waited: tries > 1,
        newest: request.newest,
        time: performance.now(),
      }
      return true
    })
  }

  #advance(bytes: Uint8Array, asked: number): void {
    this.#position += bytes.length
    this.#replay = asked < REPLAYED_BYTES ? Buffer.from(bytes) : Buffer.alloc(0)
  }

  /** After a seek: back into what was read last, or forward, over what is to be skipped. */
  #readElsewhere(request: Request, read: ReadRequest): void {
    const back = this.#position - read.offset
    if (back > this.#replay.length) return request.fail('ESPIPE')
    if (back > 0) {
      const from = this.#replay.length - back
      request.data(this.#replay.subarray(from, from + read.size))
      return
    }
    const waits = (read.flags & O.NONBLOCK) === 0
    this.#blockRead(request, waits, () => {
      while (this.#position < read.offset) {
        const size = Math.min(TEXT_PIECE_BYTES, read.offset - this.#position)
        const bytes = this.#handle.read(size, waits)
        if (bytes === undefined) return false
        if (bytes.length === 0) {
          request.data(END)
          return true
        }
        this.#advance(bytes, REPLAYED_BYTES)
      }
      // There, or beyond it, where another read has been faster.
      this.read(request, read)
      return true
    })
  }

  /** A text is whole before any of it is read, so that it can be read from anywhere. */
  #readText(request: Request, { offset, size }: ReadRequest): void {
    this.#useText(request, (text) => request.data(text.subarray(offset, offset + size)))
  }

  /** Says where a seek to the end leads: of a text there is one; of a stream nobody knows, so it begins there. */
  seekEnd(request: Request, answer: (position: number) => void): void {
    if (this.#type.nature === 'text') this.#useText(request, (text) => answer(text.length))
    else answer(0)
  }

  #useText(request: Request, use: (text: Buffer) => void): void {
    this.#blockRead(request, true, () => {
      while (this.#text === undefined) {
        const piece = this.#handle.read(TEXT_PIECE_BYTES, true)
        if (piece === undefined) return false
        if (piece.length > 0) this.#pieces.push(Buffer.from(piece))
        else this.#text = Buffer.concat(this.#pieces.splice(0))
      }
      use(this.#text)
      return true
    })
  }

  write(request: Request, { bytes, owner, flags }: WriteRequest): void {
    if (this.#type.delicate) this.#writers.add(owner)
    const waits = this.#type.patient === true || (flags & O.NONBLOCK) === 0
    let rest = bytes
    let written = 0
    const settle = (): boolean => {
      if (written > 0) request.written(written)
      return written > 0
    }
    const step = (): Progress => {
      const accepted = this.#handle.write(rest, { first: written === 0, waits })
      if (accepted === undefined) return 'wait'
      written += accepted
      rest = rest.subarray(accepted)
      // Another server has tried all of it.
      if (rest.length > 0 && !this.#handle.distant) return 'again'
      request.written(written)
      return 'done'
    }
    // The kernel's buffer is used again for the next request. What another server is asked has been sent.
    const park = (): void => {
      if (!this.#handle.distant) rest = Buffer.from(rest)
    }
    this.#block(request, 'write', { step, waits, park, settle, fail: (error) => this.#fail(request, error) })
  }

  #block(request: Request, direction: 'read' | 'write', call: Call): void {
    const blocking = new BlockingCall(this.#handle, direction, call)
    if (!blocking.over) request.onInterrupt(() => blocking.interrupt())
  }

  #blockRead(request: Request, waits: boolean, step: () => boolean): void {
    const call = {
      step: (): Progress => (step() ? 'done' : 'wait'),
      waits,
      fail: (error: unknown) => this.#fail(request, error),
    }
    this.#block(request, 'read', call)
  }

  #fail(request: Request, error: unknown): void {
    const { code } = request.error(error)
    if (code === 'EPROTO') console.error('circuit: internal error:', error)
    // An edge-triggered epoll asks again only after it was woken: in between, this is how it polls.
    if (code === 'EAGAIN' && this.#watch) this.#handle.ready()
  }

  /** Events of poll(2); `kernelHandle` is told at the next change where `notify` says so. */
  poll(request: Request, kernelHandle: number, notify: boolean): void {
    if (this.#type.nature === 'text') return request.polled(POLL.IN | POLL.RDNORM)
    const wake = (): void => {
      if (!this.#armed) return
      this.#armed = false
      this.#notify(kernelHandle)
    }
    // Not by the answer of another server that is being asked: to be woken by it would be to ask again, forever.
    if (notify) this.#watch ??= this.#handle.watch(() => this.#asking === 0 && wake())
    const answer = (): boolean => {
      const ready = this.#handle.ready()
      if (ready === undefined) return false
      const events = pollEvents(ready)
      request.polled(events)
      // Who was told less, and waits, did not hear of the change if it came as this answer.
      if ((events & ~this.#told) !== 0) wake()
      this.#told = events
      this.#armed ||= notify
      return true
    }
    if (answer()) return
    this.#asking++
    const cancel = this.#handle.watch(() => {
      if (answer()) stop()
    })
    const stop = (): void => {
      cancel()
      this.#asking--
    }
    request.onInterrupt(() => {
      stop()
      request.fail('EINTR')
    })
  }

  /**
   * A process closes one of its descriptors of this file, or ends. If it was killed while something was unfinished
   * that it had a part in, the element is told. What was read is the last reader's, though others may have the file
   * open; what was written is everybody's who wrote.
   */
  flush(request: Request, owner: number): void {
    const wrote = this.#writers.delete(owner)
    if (this.#handle.delicate) {
      const last = this.#lastRead
      const concerned = last ? last.owner === owner : wrote || this.#writers.size === 0
      if (concerned && isKilled(request.pid))
        this.#handle.abandon(last !== undefined && isUnseen(last, request))
    }
    request.ok()
  }

  /** Whoever opened it has gone before anything was done with it. */
  abandon(): void {
    this.#handle.abandon(false)
  }

  close(): void {
    this.#watch?.()
    this.#handle.close()
  }
}

/** The last read that was answered. */
interface LastRead {
  readonly owner: number
  /** The thread that read. */
  readonly pid: number
  readonly size: number
  readonly waited: boolean
  /** The newest request when it was answered, and when that was, in ms. */
  readonly newest: number
  readonly time: number
}

/** A process that is killed comes to its end within this time; one that does so later was killed in another call. */
const DYING_MS = 1000

/**
 * Whether a reader that is being killed never saw what its last read gave: it is still in that read, and made no other
 * one that the kernel kept from us. Where /proc can't tell, one that had to wait was most likely killed waiting.
 */
const isUnseen = ({ pid, size, waited, newest, time }: LastRead, flush: Request): boolean =>
  performance.now() - time < DYING_MS &&
  !flush.isAnyMissingSince(newest) &&
  (isKilledReading(pid, size) ?? waited)

function pollEvents({ readable, writable, hangup }: Readiness): number {
  const over = hangup ? (writable ? POLL.ERR : POLL.HUP) : 0
  return (readable ? POLL.IN | POLL.RDNORM : 0) | (writable ? POLL.OUT | POLL.WRNORM : 0) | over
}
