/**
 * Domain names in wire form: labels, each behind its length, and the root's empty one (RFC 1035, section 3.1). As
 * keys of maps they are strings of the same bytes, with ASCII letters in lower case (RFC 4343).
 */
import { type Token, wrong } from './tokens.ts'

/** A whole name in wire form, not compressed. */
export type Name = Buffer
/** The same as a key. */
export type NameKey = string

export const MAX_LABEL = 63
/** With the lengths of all labels and the root's. */
export const MAX_NAME = 255

export const ROOT_KEY: NameKey = '\0'

/** What zone files give a meaning to, and BIND prints behind a backslash. */
const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"().;\\@$'))
const DOT = 0x2e

/** A name in presentation form. There is no origin: with a dot at its end or without, it is whole. */
export function parseName(token: Token): Name {
  if (token.text === '.') return Buffer.of(0)
  if (token.text === '@' && !token.quoted)
    throw wrong(token, 'stands for the name of a zone file, and there is none: write the name out')
  const labels: number[][] = [[]]
  for (const { byte, escaped } of token.bytes()) {
    if (byte === DOT && !escaped) labels.push([])
    else labels.at(-1)?.push(byte)
  }
  if (labels.at(-1)?.length === 0) labels.pop()
  return joinLabels(token, labels)
}

function joinLabels(token: Token, labels: readonly number[][]): Name {
  if (labels.length === 0) throw wrong(token, 'is no name')
  for (const { length } of labels) {
    if (length === 0) throw wrong(token, 'has two dots where there should be one')
    if (length > MAX_LABEL)
      throw wrong(token, `has a label of ${length} bytes; at most ${MAX_LABEL} are possible`)
  }
  const name = Buffer.from([...labels.flatMap((label) => [label.length, ...label]), 0])
  if (name.length > MAX_NAME)
    throw wrong(token, `is a name of ${name.length} bytes; at most ${MAX_NAME} are possible`)
  return name
}

/** Where the name ends that begins at `start`; undefined where there is none, or a compressed one. */
export function endOfName(bytes: Uint8Array, start: number): number | undefined {
  for (let at = start; at < bytes.length; ) {
    const length = bytes[at] ?? 0
    if (length > MAX_LABEL) return undefined
    at += 1 + length
    if (at - start > MAX_NAME) return undefined
    if (length === 0) return at
  }
  return undefined
}

/** A name in presentation form, with a dot at its end. */
export function formatName(name: Uint8Array): string {
  if (name[0] === 0) return '.'
  let text = ''
  for (let at = 0; at < name.length; ) {
    const length = name[at] ?? 0
    if (length === 0) break
    for (const byte of name.subarray(at + 1, at + 1 + length)) text += formatByte(byte)
    text += '.'
    at += 1 + length
  }
  return text
}

function formatByte(byte: number): string {
  if (ESCAPED.has(byte)) return `\\${String.fromCharCode(byte)}`
  return byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`
}

const scratch = Buffer.alloc(MAX_NAME)

/** The key of the name that begins at `start` and ends before `end`. */
export function keyOf(bytes: Uint8Array, start = 0, end = bytes.length): NameKey {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    // A length is at most 63, and so never taken for a letter.
    scratch[at - start] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
  }
  return scratch.toString('latin1', 0, end - start)
}

/** The name without its first label. The root has none. */
export const parentOf = (key: NameKey): NameKey => key.slice(1 + key.charCodeAt(0))

/** A name and all those above it, from the name itself to the root. */
export function lineOf(key: NameKey): NameKey[] {
  const line = [key]
  for (let at = key; at !== ROOT_KEY; line.push(at)) at = parentOf(at)
  return line
}

/** The wildcard below a name (RFC 4592). */
export const wildcardBelow = (key: NameKey): NameKey => `\x01*${key}`
