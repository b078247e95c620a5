/** What the data of records is made of: each kind of field in presentation form and in wire form. */
import { isIPv4, isIPv6 } from 'node:net'
import { endOfName, formatName, parseName } from './name.ts'
import { type Token, wrong } from './tokens.ts'

/** Reads the wire form of a record's data, field by field; undefined where it is not long enough. */
export class WireReader {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.at === this.#bytes.length
  }

  take(length: number): Buffer | undefined {
    const end = this.at + length
    if (end > this.#bytes.length) return undefined
    const taken = this.#bytes.subarray(this.at, end)
    this.at = end
    return taken
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.at) ?? Buffer.alloc(0)
  }

  name(): Buffer | undefined {
    const end = endOfName(this.#bytes, this.at)
    return end === undefined ? undefined : this.take(end - this.at)
  }

  /** A <character-string>: a length in one byte, and so many bytes. */
  string(): Buffer | undefined {
    const length = this.take(1)?.[0]
    return length === undefined ? undefined : this.take(length)
  }
}

/** A kind of field. */
export interface Field {
  readonly is: string
  /** It takes all words that are left, at least one. */
  readonly many?: boolean
  /** @throws CircuitError EINVAL naming the column */
  parse(token: Token): Buffer
  /** Undefined where the wire form does not hold one. */
  format(wire: WireReader): string | undefined
}

const isDigits = (text: string): boolean => /^\d{1,10}$/.test(text)

function unsigned(bytes: 1 | 2 | 4): Field {
  const most = 2 ** (8 * bytes) - 1
  return {
    is: `a number from 0 to ${most}`,
    parse(token) {
      const value = Number(token.text)
      if (!isDigits(token.text) || value > most) throw wrong(token, `is not ${this.is}`)
      return uint(value, bytes)
    },
    format: (wire) => wire.take(bytes)?.readUIntBE(0, bytes).toString(),
  }
}

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(value, 0, bytes)
  return buffer
}

export const u8: Field = unsigned(1)
export const u16: Field = unsigned(2)
export const u32: Field = unsigned(4)

/** Most that a TTL can be (RFC 2181, section 8). */
const MAX_SECONDS = 2 ** 31 - 1
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** Seconds, or as BIND has it 1w2d3h4m5s; undefined for anything else, NaN for more than 31 bits hold. */
export function parseSeconds(text: string): number | undefined {
  if (!/^(?:\d{1,10}|(?:\d{1,10}[wdhms])+)$/i.test(text)) return undefined
  const parts = [...text.toLowerCase().matchAll(/(\d+)([wdhms]?)/g)]
  const seconds = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 1), 0)
  return seconds > MAX_SECONDS ? Number.NaN : seconds
}

export const period: Field = {
  is: `a time in seconds, at most ${MAX_SECONDS}, or as in 1h30m`,
  parse(token) {
    const seconds = parseSeconds(token.text)
    if (seconds === undefined || Number.isNaN(seconds)) throw wrong(token, `is not ${period.is}`)
    return uint(seconds, 4)
  },
  format: u32.format,
}

export const name: Field = {
  is: 'a name',
  parse: parseName,
  format(wire) {
    const bytes = wire.name()
    return bytes && formatName(bytes)
  },
}

export const ipv4: Field = {
  is: 'an IPv4 address such as 10.0.0.1',
  parse(token) {
    if (!isIPv4(token.text)) throw wrong(token, `is not ${ipv4.is}`)
    return Buffer.from(token.text.split('.').map(Number))
  },
  format: (wire) => wire.take(4)?.join('.'),
}

export const ipv6: Field = {
  is: 'an IPv6 address such as 2001:db8::1',
  parse(token) {
    if (!isIPv6(token.text) || token.text.includes('%')) throw wrong(token, `is not ${ipv6.is}`)
    return parseIPv6(token.text)
  },
  format(wire) {
    const bytes = wire.take(16)
    return bytes && formatIPv6(bytes)
  },
}

function parseIPv6(text: string): Buffer {
  const [head = [], tail = []] = text.split('::').map((half) => half.split(':').flatMap(groupsOf))
  const gap = Array<number>(8 - head.length - tail.length).fill(0)
  return Buffer.concat([...head, ...gap, ...tail].map((group) => uint(group, 2)))
}

/** The 16-bit groups of what stands between two colons: none, one, or the two of an IPv4 address. */
function groupsOf(text: string): number[] {
  if (!text.includes('.')) return text === '' ? [] : [Number.parseInt(text, 16)]
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number)
  return [(a << 8) | b, (c << 8) | d]
}

/** The form of RFC 5952: the first longest run of zero groups, of two at least, is ::; an IPv4 address within is shown. */
function formatIPv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index))
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  if (bytes.readUIntBE(0, 6) === 0 && bytes.readUIntBE(6, 6) === 0xffff)
    return `::ffff:${bytes.subarray(12).join('.')}`
  const { start, length } = longestZeros(groups)
  return length < 2 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0
    if (length > best.length) best = { start: index + 1 - length, length }
  }
  return best
}

const MAX_STRING = 255

const contentOf = (token: Token): Buffer => Buffer.from(Array.from(token.bytes(), ({ byte }) => byte))

const quote = (bytes: Buffer): string =>
  `"${Array.from(bytes, (byte) =>
    byte === 0x22 || byte === 0x5c
      ? `\\${String.fromCharCode(byte)}`
      : byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\${String(byte).padStart(3, '0')}`,
  ).join('')}"`

export const string: Field = {
  is: `a string of at most ${MAX_STRING} bytes`,
  parse(token) {
    const bytes = contentOf(token)
    if (bytes.length > MAX_STRING) throw wrong(token, `has ${bytes.length} bytes and is not ${string.is}`)
    return Buffer.from([bytes.length, ...bytes])
  },
  format(wire) {
    const bytes = wire.string()
    return bytes && quote(bytes)
  },
}

export const strings: Field = {
  is: `strings of at most ${MAX_STRING} bytes each`,
  many: true,
  parse: string.parse,
  format(wire) {
    const all: string[] = []
    do {
      const bytes = wire.string()
      if (bytes === undefined) return undefined
      all.push(quote(bytes))
    } while (!wire.atEnd)
    return all.join(' ')
  },
}

/** The tag of a CAA record (RFC 8659, section 4.1). */
export const tag: Field = {
  is: 'a word of letters and digits such as issue',
  parse(token) {
    if (!/^[a-z0-9]{1,255}$/i.test(token.text)) throw wrong(token, `is not ${tag.is}`)
    return Buffer.from([token.text.length, ...Buffer.from(token.text)])
  },
  format(wire) {
    const text = wire.string()?.toString('latin1')
    return text !== undefined && /^[a-z0-9]+$/i.test(text) ? text : undefined
  },
}

/** Bytes to the end of the data, without a length: the value of a CAA record. */
export const text: Field = {
  is: 'a string',
  parse: contentOf,
  format: (wire) => quote(wire.rest()),
}
