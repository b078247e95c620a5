/** Writes an answer, with names compressed (RFC 1035, section 4.1.4). */
import { endOfName, type Name, parentOf, ROOT_KEY } from './name.ts'
import { FLAG, HEADER_BYTES, type Query, type Rcode } from './query.ts'
import type { ResourceRecord } from './record.ts'
import { TYPE } from './types.ts'
import type { RecordSet } from './zone.ts'

/** Longest message: over TCP its length is 16 bits. */
export const MAX_MESSAGE = 65_535
/** UDP payload that travels in one piece nearly everywhere (the DNS flag day 2020); we neither send nor ask for more. */
export const MAX_UDP = 1232
/** UDP payload for who says nothing of it. */
export const MIN_UDP = 512
const OPT_BYTES = 11
const CLASS_IN = 1
const POINTER = 0xc000
/** Where a pointer can still point to. */
const MAX_OFFSET = 0x3fff

/** The sections of an answer that records are in. */
export type Section = 'answer' | 'authority' | 'additional'
/** Where a section's count is in the header. */
const COUNT_AT: Readonly<Record<Section, number>> = { answer: 6, authority: 8, additional: 10 }

/** An error that answers a query of which no more than the header is understood. */
export function bareResponse(message: Buffer, rcode: Rcode): Buffer {
  const response = Buffer.alloc(HEADER_BYTES)
  message.copy(response, 0, 0, 4)
  response.writeUInt16BE((message.readUInt16BE(2) & (FLAG.OPCODE | FLAG.RD | FLAG.CD)) | FLAG.QR | rcode, 2)
  return response
}

/** An answer is written here, and copied when it is done. A record that begins within a message's limit has room. */
const scratch = Buffer.alloc(3 * MAX_MESSAGE)

export class ResponseWriter {
  readonly #request: Buffer
  readonly #query: Query
  readonly #limit: number
  readonly #counts: Record<Section, number> = { answer: 0, authority: 0, additional: 0 }
  #at: number
  #full = false
  /** Where names have been written, letter by letter the same: a record keeps its case. Made when it is first of use. */
  #offsets: Map<string, number> | undefined

  /** @param limit bytes that the answer may have */
  constructor(request: Buffer, query: Query, limit: number) {
    this.#request = request
    this.#query = query
    this.#limit = limit - (query.edns ? OPT_BYTES : 0)
    this.#at = query.question.end
    request.copy(scratch, 0, 0, this.#at)
  }

  /**
   * Adds the records of a set.
   * @param owner their name; the name that was asked for if left out
   * @param first which of them comes first
   */
  add(
    section: Section,
    { records, ttl }: RecordSet,
    { owner, first = 0 }: { owner?: Name; first?: number } = {},
  ): void {
    for (let n = 0; n < records.length && !this.#full; n++) {
      const record = records[(first + n) % records.length]
      if (record) this.#addRecord(record, ttl, owner)
      this.#counts[section]++
      this.#full = this.#at > this.#limit
    }
  }

  #addRecord({ type, data }: ResourceRecord, ttl: number, owner: Name | undefined): void {
    if (owner) this.#writeName(owner, 0)
    else if (this.#query.question.key === ROOT_KEY) scratch[this.#at++] = 0
    else this.#write16(POINTER | HEADER_BYTES)
    this.#write16(type)
    this.#write16(CLASS_IN)
    this.#at = scratch.writeUInt32BE(ttl, this.#at)
    const lengthAt = this.#at
    this.#at += 2
    let done = 0
    for (const name of data.names) {
      this.#at += data.bytes.copy(scratch, this.#at, done, name)
      done = this.#writeName(data.bytes, name)
    }
    this.#at += data.bytes.copy(scratch, this.#at, done)
    scratch.writeUInt16BE(this.#at - lengthAt - 2, lengthAt)
  }

  /** Writes the name that begins at `start`, and gives its end. */
  #writeName(bytes: Buffer, start: number): number {
    this.#offsets ??= this.#offsetsOfQuestion()
    const end = endOfName(bytes, start) ?? bytes.length
    let from = start
    for (let key = bytes.toString('latin1', start, end); key !== ROOT_KEY; key = parentOf(key)) {
      const known = this.#offsets.get(key)
      if (known !== undefined) {
        this.#write16(POINTER | known)
        return end
      }
      if (this.#at <= MAX_OFFSET) this.#offsets.set(key, this.#at)
      const length = 1 + (bytes[from] ?? 0)
      this.#at += bytes.copy(scratch, this.#at, from, from + length)
      from += length
    }
    scratch[this.#at++] = 0
    return end
  }

  #offsetsOfQuestion(): Map<string, number> {
    const offsets = new Map<string, number>()
    let at = HEADER_BYTES
    const asked = this.#request.toString('latin1', at, this.#query.question.end - 4)
    for (let key = asked; key !== ROOT_KEY; key = parentOf(key)) {
      offsets.set(key, at)
      at += 1 + key.charCodeAt(0)
    }
    return offsets
  }

  #write16(value: number): void {
    this.#at = scratch.writeUInt16BE(value, this.#at)
  }

  /** The whole answer. Where it would be too long it has no records, and says so: the client asks again over TCP. */
  finish(rcode: Rcode, authoritative: boolean): Buffer {
    const counts = this.#full ? { answer: 0, authority: 0, additional: 0 } : this.#counts
    if (this.#full) this.#at = this.#query.question.end
    const kept = this.#request.readUInt16BE(2) & (FLAG.RD | FLAG.CD)
    const said = FLAG.QR | (authoritative ? FLAG.AA : 0) | (this.#full ? FLAG.TC : 0)
    scratch.writeUInt16BE(kept | said | (rcode & 0xf), 2)
    scratch.writeUInt16BE(1, 4)
    for (const [section, at] of Object.entries(COUNT_AT) as [Section, number][])
      scratch.writeUInt16BE(counts[section] + (section === 'additional' && this.#query.edns ? 1 : 0), at)
    if (this.#query.edns) this.#writeEdns(rcode, this.#query.edns.dnssecOk)
    return Buffer.from(scratch.subarray(0, this.#at))
  }

  /** Our version is 0; DO is given back (RFC 3225); options of the client, cookies for example, are ignored. */
  #writeEdns(rcode: Rcode, dnssecOk: boolean): void {
    scratch[this.#at++] = 0
    this.#write16(TYPE.OPT)
    this.#write16(MAX_UDP)
    this.#write16((rcode >> 4) << 8)
    this.#write16(dnssecOk ? 0x8000 : 0)
    this.#write16(0)
  }
}
