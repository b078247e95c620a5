/** Queries as bytes, and answers read by dns2, which knows nothing of how we write them. */
import dns2 from 'dns2'
import { parseName } from '../../../../src/node/element/nameserver/name.ts'
import { parseRecord } from '../../../../src/node/element/nameserver/record.ts'
import { Token } from '../../../../src/node/element/nameserver/tokens.ts'
import { typeOfName } from '../../../../src/node/element/nameserver/types.ts'
import { Zone } from '../../../../src/node/element/nameserver/zone.ts'

export interface QueryOptions {
  readonly id?: number
  /** The second 16 bits of the header. Default: RD. */
  readonly flags?: number
  readonly class?: number
  /** An OPT record that announces so many bytes. */
  readonly size?: number
  readonly version?: number
  readonly dnssecOk?: boolean
  /** Data of the OPT record. */
  readonly options?: Buffer
}

/** A query for NAME and TYPE, by name or number. */
export function query(name: string, type: string | number, options: QueryOptions = {}): Buffer {
  const { id = 0x1234, flags = 0x0100, class: asked = 1, size, version = 0, dnssecOk } = options
  const header = [id, flags, 1, 0, 0, size === undefined ? 0 : 1]
  const code = typeof type === 'number' ? type : type === 'ANY' ? 255 : (typeOfName(type)?.code ?? 0)
  const question = [parseName(new Token(name, 1, false)), words(code, asked)]
  const extra = options.options ?? Buffer.alloc(0)
  const flagsOfOpt = [version, dnssecOk ? 0x8000 : 0, extra.length]
  const opt = size === undefined ? [] : [Buffer.of(0), words(41, size, ...flagsOfOpt), extra]
  return Buffer.concat([words(...header), ...question, ...opt])
}

/** Numbers of 16 bits. */
export function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index)
  return bytes
}

/** A zone of records, one a line. */
export function zoneOf(text: string): Zone {
  const zone = new Zone()
  for (const line of text.split('\n')) if (line.trim() !== '') zone.add(parseRecord(line))
  return zone
}

const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'] as const
const FLAGS = ['aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const

/** What an answer says. */
export interface Said {
  readonly status: string
  /** Of aa tc rd ra ad cd those that are set. */
  readonly flags: string
  /** Records as NAME TTL DATA, in their order. */
  readonly answer: readonly string[]
  readonly authority: readonly string[]
  /** Without the OPT record. */
  readonly additional: readonly string[]
  readonly opt: boolean
}

type Resource = Record<string, unknown>

/** What dns2 makes of an answer. */
export function read(response: Uint8Array | undefined): Said | undefined {
  if (response === undefined) return undefined
  const { header, answers, authorities, additionals } = dns2.Packet.parse(Buffer.from(response))
  const bits: Readonly<Record<string, unknown>> = { ...header }
  if (header.qr !== 1) throw new Error('an answer is marked as one')
  const texts = (records: readonly unknown[]): string[] => records.map((record) => textOf(record as Resource))
  const others = additionals.filter(({ type }) => type !== 41)
  return {
    status: RCODES[header.rcode] ?? String(header.rcode),
    flags: FLAGS.filter((flag) => bits[flag]).join(' '),
    answer: texts(answers),
    authority: texts(authorities),
    additional: texts(others),
    opt: others.length < additionals.length,
  }
}

/** Fields in the order in which dns2 reads them, behind the name and the TTL. */
function textOf({ name, ttl, type: _type, class: _class, ...data }: Resource): string {
  return [name, ttl, ...Object.values(data)]
    .map((value) => (Array.isArray(value) ? value.join(' ') : value))
    .join(' ')
}
