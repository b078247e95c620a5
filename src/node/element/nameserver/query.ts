/** A query as it comes from anybody: taken apart without trusting a byte of it (RFC 1035 section 4, RFC 6891). */
import { endOfName, keyOf, type NameKey } from './name.ts'
import { TYPE } from './types.ts'

export const HEADER_BYTES = 12
/** Records behind the question that are looked at: an OPT, a TSIG. */
const MAX_ADDITIONAL = 8

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const
export type Rcode = (typeof RCODE)[keyof typeof RCODE]

/** Bits of the second 16 of a header. */
export const FLAG = { QR: 0x8000, OPCODE: 0x7800, AA: 0x0400, TC: 0x0200, RD: 0x0100, CD: 0x0010 } as const
const QUERY = 0

export interface Question {
  /** Where it ends in the message; it begins behind the header. */
  readonly end: number
  readonly key: NameKey
  readonly type: number
  readonly class: number
}

/** What the client says of itself (RFC 6891, section 6.1.3). */
export interface Edns {
  /** Bytes of UDP payload that it takes. */
  readonly size: number
  readonly version: number
  readonly dnssecOk: boolean
}

export interface Query {
  readonly question: Question
  readonly edns: Edns | undefined
}

/** A query; or the error that answers it; or undefined for what is not to be answered at all. */
export function parseQuery(message: Buffer): Query | Rcode | undefined {
  if (message.length < HEADER_BYTES) return undefined
  const flags = message.readUInt16BE(2)
  if (flags & FLAG.QR) return undefined
  if ((flags & FLAG.OPCODE) !== QUERY) return RCODE.NOTIMP
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at))
  // Of several questions nobody knows whom an error would be about (RFC 9619). IXFR alone has something behind it.
  if (questions !== 1 || answers !== 0 || additionals === undefined || additionals > MAX_ADDITIONAL)
    return RCODE.FORMERR
  const question = parseQuestion(message)
  if (question === undefined) return RCODE.FORMERR
  if (authorities !== 0) return question.type === TYPE.IXFR ? RCODE.REFUSED : RCODE.FORMERR
  const edns = findEdns(message, question.end, additionals)
  return edns === 'wrong' ? RCODE.FORMERR : { question, edns }
}

function parseQuestion(message: Buffer): Question | undefined {
  const end = endOfName(message, HEADER_BYTES)
  if (end === undefined || end + 4 > message.length) return undefined
  return {
    end: end + 4,
    key: keyOf(message, HEADER_BYTES, end),
    type: message.readUInt16BE(end),
    class: message.readUInt16BE(end + 2),
  }
}

/** The OPT record among `count` additional ones, of which there may be one, at the root. */
function findEdns(message: Buffer, start: number, count: number): Edns | undefined | 'wrong' {
  let edns: Edns | undefined
  let at = start
  for (let n = 0; n < count; n++) {
    const end = skipName(message, at)
    if (end === undefined || end + 10 > message.length) return 'wrong'
    const next = end + 10 + message.readUInt16BE(end + 8)
    if (next > message.length) return 'wrong'
    if (message.readUInt16BE(end) === TYPE.OPT) {
      if (edns || end !== at + 1) return 'wrong'
      edns = {
        size: message.readUInt16BE(end + 2),
        version: message.readUInt8(end + 5),
        dnssecOk: (message.readUInt16BE(end + 6) & 0x8000) !== 0,
      }
    }
    at = next
  }
  return edns
}

/** The end of a name that may be compressed; what a pointer points to does not matter. */
function skipName(message: Buffer, start: number): number | undefined {
  for (let at = start; at < message.length; ) {
    const length = message[at] ?? 0
    if (length >= 0xc0) return at + 2
    if (length > 63) return undefined
    at += 1 + length
    if (length === 0) return at
  }
  return undefined
}
