/** One resource record, between its presentation form (RFC 1035, section 5.1; RFC 3597) and its wire form. */
import { CircuitError } from '../../../proto/errors.ts'
import { type Field, name as nameField, parseSeconds, WireReader } from './fields.ts'
import { formatName, keyOf, type Name, type NameKey, parseName } from './name.ts'
import { type Token, tokenize, wrong } from './tokens.ts'
import { knownNames, type RecordType, typeOfName } from './types.ts'

/** Seconds, where a record does not say. */
export const DEFAULT_TTL = 3600

/** The data of a record in wire form. */
export interface RecordData {
  readonly bytes: Buffer
  /** Where names begin in it that may be compressed. */
  readonly names: readonly number[]
}

export interface ResourceRecord {
  readonly owner: Name
  readonly key: NameKey
  readonly type: number
  /** Seconds */
  readonly ttl: number
  readonly data: RecordData
  /** In presentation form: name, TTL, class, type and data, with tabs between them. */
  readonly text: string
}

/** Makes a record of its parts. */
export function makeRecord(owner: Name, ttl: number, type: RecordType, bytes: Buffer): ResourceRecord {
  const { names, text } = describeData(type, bytes) ?? { names: [], text: generic(bytes) }
  return {
    owner,
    key: keyOf(owner),
    type: type.code,
    ttl,
    data: { bytes, names: type.compressible ? names : [] },
    text: `${formatName(owner)}\t${ttl}\tIN\t${type.name}\t${text}`,
  }
}

/**
 * Reads a record: NAME [TTL] [CLASS] TYPE DATA…, TTL and class in either order.
 * @throws CircuitError EINVAL naming the column
 */
export function parseRecord(text: string): ResourceRecord {
  const [first, ...rest] = tokenize(text)
  if (first === undefined)
    throw new CircuitError('EINVAL', 'a record is NAME [TTL] [IN] TYPE DATA, and here is none')
  const owner = parseName(first)
  const { ttl, type, data } = parseHead(rest, text)
  return makeRecord(owner, ttl, type, parseData(type, data, text))
}

/** What stands between the name and the data. */
function parseHead(
  tokens: readonly Token[],
  text: string,
): { ttl: number; type: RecordType; data: readonly Token[] } {
  let ttl: number | undefined
  let classGiven = false
  for (const [index, token] of tokens.entries()) {
    const seconds = parseSeconds(token.text)
    if (seconds !== undefined && ttl === undefined) {
      if (Number.isNaN(seconds)) throw wrong(token, 'is more than a TTL can be, 2147483647 seconds')
      ttl = seconds
    } else if (isClass(token) && !classGiven) {
      classGiven = true
    } else {
      return { ttl: ttl ?? DEFAULT_TTL, type: parseType(token), data: tokens.slice(index + 1) }
    }
  }
  throw missing(text, 'the type', `known are ${knownNames()}`)
}

function isClass(token: Token): boolean {
  if (/^(?:CH|HS|CS|ANY|NONE|CLASS\d+)$/i.test(token.text) && !/^CLASS1$/i.test(token.text))
    throw wrong(token, 'is no class that is served here; there is only IN')
  return /^(?:IN|CLASS1)$/i.test(token.text)
}

function parseType(token: Token): RecordType {
  const type = typeOfName(token.text)
  if (type === undefined)
    throw wrong(
      token,
      `is no type of records; known are ${knownNames()}, and others as TYPE and their number with data as in \\# 4 0a000001`,
    )
  return type
}

const missing = (text: string, what: string, why: string): CircuitError =>
  new CircuitError('EINVAL', `column ${text.length + 1}: ${what} is missing: ${why}`)

function parseData(type: RecordType, tokens: readonly Token[], text: string): Buffer {
  const [first] = tokens
  if (first?.text === '\\#' && !first.quoted) return parseGeneric(type, tokens, text)
  if (type.fields.length === 0) {
    const form = `data of ${type.name} is written as in \\# 4 0a000001`
    throw first ? wrong(first, `is not understood: ${form}`) : missing(text, 'the data', form)
  }
  const parts: Buffer[] = []
  let next = 0
  for (const field of type.fields) {
    do parts.push(parseField(type, field, tokens[next++], text))
    while (field.many && next < tokens.length)
  }
  const stray = tokens[next]
  if (stray) throw wrong(stray, `is too much: the data of ${type.name} is ${fieldsOf(type)}`)
  const bytes = Buffer.concat(parts)
  return checkLength(bytes, first)
}

function parseField(type: RecordType, field: Field, token: Token | undefined, text: string): Buffer {
  if (token === undefined) throw missing(text, field.is, `the data of ${type.name} is ${fieldsOf(type)}`)
  return field.parse(token)
}

const fieldsOf = ({ fields }: RecordType): string => fields.map(({ is }) => is).join(', ')

/** `\# LENGTH HEX…`, of any type. */
function parseGeneric(type: RecordType, [mark, length, ...hex]: readonly Token[], text: string): Buffer {
  if (mark === undefined || length === undefined)
    throw missing(text, 'the number of bytes', 'data is written as in \\# 4 0a000001')
  const bad = hex.find((token) => !/^[0-9a-f]+$/i.test(token.text))
  if (bad) throw wrong(bad, 'is not hexadecimal')
  const digits = hex.map((token) => token.text).join('')
  const bytes = Buffer.from(digits, 'hex')
  if (!/^\d{1,5}$/.test(length.text) || 2 * Number(length.text) !== digits.length)
    throw wrong(length, `is not the number of bytes that follow: there are ${digits.length / 2}`)
  if (type.fields.length > 0 && describeData(type, bytes) === undefined)
    throw wrong(mark, `does not hold the data of ${type.name}: ${fieldsOf(type)}`)
  return checkLength(bytes, mark)
}

const MAX_DATA = 65_535

function checkLength(bytes: Buffer, token: Token | undefined): Buffer {
  if (bytes.length > MAX_DATA && token)
    throw wrong(token, `begins data of ${bytes.length} bytes; at most ${MAX_DATA} are possible`)
  return bytes
}

/** The data of a known type in presentation form, and where its names are; undefined where it is not of that type. */
function describeData(type: RecordType, bytes: Buffer): { names: number[]; text: string } | undefined {
  const wire = new WireReader(bytes)
  const names: number[] = []
  const texts: string[] = []
  for (const field of type.fields) {
    if (field === nameField) names.push(wire.at)
    const text = field.format(wire)
    if (text === undefined) return undefined
    texts.push(text)
  }
  return type.fields.length > 0 && wire.atEnd ? { names, text: texts.join(' ') } : undefined
}

const generic = (bytes: Buffer): string =>
  `\\# ${bytes.length}${bytes.length > 0 ? ` ${bytes.toString('hex').toUpperCase()}` : ''}`
