/** The types of records that are known by name, and the fields of their data. Others are written as RFC 3597 says. */
import { type Field, ipv4, ipv6, name, period, string, strings, tag, text, u8, u16, u32 } from './fields.ts'

export interface RecordType {
  readonly name: string
  readonly code: number
  readonly fields: readonly Field[]
  /** Names in its data may be compressed: the types of RFC 1035, which everybody knows (RFC 3597, section 4). */
  readonly compressible: boolean
}

const type = (name: string, code: number, fields: readonly Field[], compressible = false): RecordType => ({
  name,
  code,
  fields,
  compressible,
})

const TYPES: readonly RecordType[] = [
  type('A', 1, [ipv4]),
  type('NS', 2, [name], true),
  type('CNAME', 5, [name], true),
  type('SOA', 6, [name, name, u32, period, period, period, period], true),
  type('PTR', 12, [name], true),
  type('MX', 15, [u16, name], true),
  type('TXT', 16, [strings]),
  type('AAAA', 28, [ipv6]),
  type('SRV', 33, [u16, u16, u16, name]),
  type('NAPTR', 35, [u16, u16, string, string, string, name]),
  type('CAA', 257, [u8, tag, text]),
]

/** Codes that mean something to the code that answers. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  AAAA: 28,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

const byName = new Map(TYPES.map((type) => [type.name, type]))
const byCode = new Map(TYPES.map((type) => [type.code, type]))

export const knownNames = (): string => [...byName.keys()].join(' ')

export const nameOfType = (code: number): string => byCode.get(code)?.name ?? `TYPE${code}`

/** Whether records can have this type: 0, OPT and 128 to 255 are for queries (RFC 6895, section 3.1). */
const isData = (code: number): boolean =>
  code > 0 && code < 65_536 && code !== TYPE.OPT && (code < 128 || code > 255)

/** The type of a code; without fields where it is known by number only. */
export const typeOfCode = (code: number): RecordType => byCode.get(code) ?? type(`TYPE${code}`, code, [])

/** MX, mx or TYPE15; undefined for what is no type of records. */
export function typeOfName(text: string): RecordType | undefined {
  const known = byName.get(text.toUpperCase())
  if (known) return known
  const code = Number(/^TYPE(\d{1,5})$/i.exec(text)?.[1] ?? 0)
  return isData(code) ? typeOfCode(code) : undefined
}
