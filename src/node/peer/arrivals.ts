/**
 * What has come for the reader of a file on another server, whether it had asked for it or not: answers in their order, and how
 * much of them was taken. What was read last is taken with the next operation, and can return before.
 */
import { CircuitError } from '../../proto/errors.ts'
import { ByteQueue, MAX_QUEUED_BYTES } from '../byte-queue.ts'
import { END } from '../handle.ts'
import { MAX_AHEAD_BYTES } from './ahead.ts'

/** How the bytes of an answer came. */
export interface Manner {
  /** They were sent ahead, or more may be: that they are taken is to be told. */
  readonly streaming: boolean
  /** How the process that gets them ends matters. */
  readonly delicate: boolean
}

interface Piece extends Manner {
  /** 0: the end of the file. */
  readonly length: number
  /** Of what had been taken and came back; the bytes of all others are in the queue. */
  readonly own: Buffer | undefined
}

export class Arrivals {
  readonly #answers: (Piece | CircuitError)[] = []
  /** The bytes of what was read last, of the answers, and of the one that is coming. */
  readonly #queue = new ByteQueue()
  #coming = 0
  #last: Piece | undefined
  #answered = 0
  /** Bytes that came with `streaming` and were taken; those of them that the other side was told of. */
  #taken = 0
  #told = 0

  /** Answers that came, those that were read too. */
  get answered(): number {
    return this.#answered
  }

  get isEmpty(): boolean {
    return this.#answers.length === 0
  }

  /** What is read next was sent ahead. */
  get streaming(): boolean {
    const [next] = this.#answers
    return next !== undefined && !(next instanceof CircuitError) && next.streaming
  }

  /** What was read last was sent ahead, and was not settled. */
  get lastStreamed(): boolean {
    return this.#last?.streaming === true
  }

  /** A part of an answer. @throws CircuitError EPROTO when it is more than can have been asked for */
  add(bytes: Buffer): void {
    if (this.#queue.length + bytes.length > MAX_QUEUED_BYTES)
      throw new CircuitError('EPROTO', 'the other side sends more than was asked for')
    this.#queue.push(bytes)
    this.#coming += bytes.length
  }

  /** The answer whose parts came is complete. */
  complete({ streaming, delicate }: Manner): void {
    this.#answers.push({ length: this.#coming, streaming, delicate, own: undefined })
    this.#coming = 0
    this.#answered++
  }

  fail(error: CircuitError): void {
    this.#answers.push(error)
    this.#answered++
  }

  /** Up to `max` bytes of the next answer, valid until the next operation; undefined where there is none. @throws CircuitError */
  read(max: number): { readonly bytes: Uint8Array; readonly delicate: boolean } | undefined {
    this.settle()
    const next = this.#answers.shift()
    if (next instanceof CircuitError) throw next
    if (next === undefined) return undefined
    const most = Math.min(max, next.length)
    const bytes = next.own ? next.own.subarray(0, most) : this.#queue.peek(most)
    const { piece, rest } = split(next, bytes.length)
    if (rest) this.#answers.unshift(rest)
    this.#last = piece
    return { bytes, delicate: piece.delicate }
  }

  /** What was read last has been taken. */
  settle(): void {
    const last = this.#last
    if (last === undefined) return
    this.#last = undefined
    if (last.own === undefined) this.#queue.drop(last.length)
    if (last.streaming) this.#taken += last.length
  }

  /** What was read last reached nobody. Says whether it is here again; otherwise it is the other side's. */
  unread(): boolean {
    const last = this.#last
    if (last?.streaming) this.#answers.unshift(last)
    else if (last) this.#queue.drop(last.length)
    this.#last = undefined
    return last?.streaming === true
  }

  /** The last bytes that were read with `streaming` come back. */
  returned(bytes: Uint8Array): void {
    if (this.#last && bytes.length < this.#last.length) {
      const { piece, rest } = split(this.#last, this.#last.length - bytes.length)
      this.#last = piece
      this.settle()
      if (rest) this.#answers.unshift(rest)
      return
    }
    const earlier = bytes.length - (this.#last?.length ?? 0)
    this.unread()
    if (earlier === 0) return
    this.#taken -= earlier
    const own = Buffer.from(bytes.subarray(0, earlier))
    this.#answers.unshift({ length: earlier, streaming: true, delicate: false, own })
  }

  /** The other side should be told what was taken: often while it begins, then after each quarter of what may be ahead. */
  get isToldLate(): boolean {
    return this.#taken - this.#told > Math.min(this.#taken, MAX_AHEAD_BYTES) / 4
  }

  /** Bytes that were taken in all; the other side is told. */
  tell(): number {
    this.#told = Math.max(this.#told, this.#taken)
    return this.#told
  }

  /** The last word to the other side: what was taken, and bytes that it thinks were, and which came back. */
  close(): { taken: number; returned: Uint8Array } {
    this.settle()
    const back = this.#answers.flatMap((answer) => (answer instanceof CircuitError ? [] : (answer.own ?? [])))
    const unacknowledged = this.#told - this.#taken
    const returned = unacknowledged > 0 ? Buffer.concat(back).subarray(0, unacknowledged) : END
    this.clear()
    return { taken: this.#taken, returned }
  }

  /** It has returned to its element. */
  clear(): void {
    this.#answers.length = 0
    this.#last = undefined
    this.#queue.clear()
  }
}

/** The first bytes of a piece, and the rest where there is one. */
function split(piece: Piece, length: number): { piece: Piece; rest: Piece | undefined } {
  if (length === piece.length) return { piece, rest: undefined }
  return {
    piece: { ...piece, length, own: piece.own?.subarray(0, length) },
    rest: { ...piece, length: piece.length - length, own: piece.own?.subarray(length) },
  }
}
