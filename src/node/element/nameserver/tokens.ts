/**
 * A record in presentation form, cut into words (RFC 1035, section 5.1): on one line, with "strings", \escapes and a
 * ; comment. What can't be understood is told with its column.
 */
import { CircuitError } from '../../../proto/errors.ts'

const BACKSLASH = '\\'

/** One word. */
export class Token {
  /** As it was written, without its quotes. */
  readonly text: string
  /** Where it begins in the record, counted from 1. */
  readonly column: number
  readonly quoted: boolean

  constructor(text: string, column: number, quoted: boolean) {
    this.text = text
    this.column = column
    this.quoted = quoted
  }

  /** Its bytes: UTF-8, \DDD any byte, \X the character X. */
  *bytes(): Generator<{ readonly byte: number; readonly escaped: boolean }> {
    for (let at = 0; at < this.text.length; ) {
      const code = this.text[at] === BACKSLASH && /^\\(\d{3})/.exec(this.text.slice(at, at + 4))?.[1]
      if (code) {
        if (Number(code) > 255) throw wrong(this, `has \\${code}, which is more than a byte, \\255, can be`)
        yield { byte: Number(code), escaped: true }
        at += 4
        continue
      }
      const escaped = this.text[at] === BACKSLASH
      if (escaped) at++
      const char = String.fromCodePoint(this.text.codePointAt(at) ?? 0)
      for (const byte of Buffer.from(char)) yield { byte, escaped }
      at += char.length
    }
  }
}

/** What is wrong with a word. */
export const wrong = ({ text, column, quoted }: Token, what: string): CircuitError =>
  new CircuitError('EINVAL', `column ${column}: ${quoted ? JSON.stringify(text) : text} ${what}`)

const at = (index: number, what: string): CircuitError =>
  new CircuitError('EINVAL', `column ${index + 1}: ${what}`)

/** The words of a record. @throws CircuitError EINVAL */
export function tokenize(record: string): Token[] {
  const tokens: Token[] = []
  for (let index = 0; index < record.length; ) {
    const char = record[index] ?? ''
    if (char === ';') break
    if (char === ' ' || char === '\t') {
      index++
    } else if (char === '"') {
      const end = endOfString(record, index)
      tokens.push(new Token(record.slice(index + 1, end), index + 1, true))
      index = end + 1
    } else {
      const end = endOfWord(record, index)
      tokens.push(new Token(record.slice(index, end), index + 1, false))
      index = end
    }
  }
  return tokens
}

function endOfString(record: string, start: number): number {
  for (let index = start + 1; index < record.length; index++) {
    if (record[index] === '"') return index
    if (record[index] === '\n') break
    if (record[index] === BACKSLASH) index++
  }
  throw at(start, 'this string does not end')
}

function endOfWord(record: string, start: number): number {
  let index = start
  for (; index < record.length; index++) {
    const char = record[index] ?? ''
    if (' \t;"'.includes(char)) break
    if ('()'.includes(char))
      throw at(
        index,
        `a record is one line here, and needs no parentheses; for the character write \\${char}`,
      )
    if ('\r\n'.includes(char)) throw at(index, 'a record is one line')
    if (char === BACKSLASH && ++index === record.length) throw at(index - 1, 'nothing follows the backslash')
  }
  return index
}

/**
 * A record of the words of a command. One word is the record as it stands. Of several each is a word of the record: the
 * shell-like quotes of the command have gone, and a word that needs quotes gets them back.
 */
export function recordOf(words: readonly string[]): string {
  const [only] = words
  if (words.length === 1 && only !== undefined) return only
  return words.map((word) => (needsQuotes(word) ? `"${word.replaceAll('"', '\\"')}"` : word)).join(' ')
}

const needsQuotes = (word: string): boolean =>
  word === '' || (/[\s;"]/.test(word) && !/^"(?:[^"\\]|\\.)*"$/.test(word))
