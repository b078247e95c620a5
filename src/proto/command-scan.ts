/** One command as it is read, byte by byte: its words, or its verb and JSON object. */
import { TextDecoder } from 'node:util'
import { CircuitError } from './errors.ts'

const NEWLINE = 0x0a
const BACKSLASH = 0x5c
const SINGLE_QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const COMMA = 0x2c
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d] as const
/** What a backslash escapes within double quotes; before anything else it stands for itself. */
const ESCAPED_IN_QUOTES: ReadonlySet<number> = new Set(Buffer.from('"\\$`'))

const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d

/** What a command is made of. */
export interface Parts {
  readonly verb: string
  readonly words: readonly string[]
  readonly fields?: Readonly<Record<string, unknown>>
}

export class CommandScan {
  readonly #words: string[] = []
  #word: WordScan | undefined
  #object: ObjectScan | undefined
  /** Bytes taken. */
  #taken = 0

  /** Takes the next byte. True: it is the newline behind the command. @throws CircuitError EINVAL */
  take(byte: number): boolean {
    this.#taken++
    if (this.#object) return this.#takeInObject(this.#object, byte)
    if (this.#word?.take(byte)) return false
    this.#endWord()
    if (byte === NEWLINE) return true
    if (isBlank(byte)) return false
    if (this.#words.length === 1 && byte === OPEN_BRACE) {
      this.#object = new ObjectScan(this.#taken - 1)
      this.#object.take(byte)
    } else {
      this.#word = new WordScan()
      this.#word.take(byte)
    }
    return false
  }

  #takeInObject(object: ObjectScan, byte: number): boolean {
    if (!object.closed) object.take(byte)
    else if (!isBlank(byte) && byte !== NEWLINE)
      throw new CircuitError('EINVAL', 'after the JSON object there is more')
    return object.closed && byte === NEWLINE
  }

  #endWord(): void {
    if (this.#word) this.#words.push(this.#word.text())
    this.#word = undefined
  }

  /** Whether the end of its line is all that it lacks. */
  get whole(): boolean {
    return this.#object?.closed ?? !this.#word?.open
  }

  /** Its parts. @param bytes all that were taken, but the newline */
  finish(bytes: Buffer): Parts {
    this.#endWord()
    const [verb = '', ...words] = this.#words
    return { verb, words, ...(this.#object && { fields: this.#object.parse(bytes) }) }
  }
}

/** One shell word: bare, 'single', "double" and \escaped parts run together. */
class WordScan {
  readonly #bytes: number[] = []
  /** The quote that is open, or 0. */
  #quote = 0
  #escaped = false

  /** Takes a byte, unless the word has ended before it. */
  take(byte: number): boolean {
    if (this.#escaped) this.#takeEscaped(byte)
    else if (byte === NEWLINE && this.#quote)
      throw new CircuitError('EINVAL', 'a quote does not end on its line; use JSON')
    else if (this.#quote ? byte === this.#quote : byte === SINGLE_QUOTE || byte === DOUBLE_QUOTE)
      this.#quote = this.#quote ? 0 : byte
    else if (byte === BACKSLASH && this.#quote !== SINGLE_QUOTE) this.#escaped = true
    else if (!this.#quote && (isBlank(byte) || byte === NEWLINE)) return false
    else this.#bytes.push(byte)
    return true
  }

  #takeEscaped(byte: number): void {
    this.#escaped = false
    if (byte === NEWLINE)
      throw new CircuitError('EINVAL', 'a command is one line; a backslash does not continue it; use JSON')
    if (this.#quote && !ESCAPED_IN_QUOTES.has(byte)) this.#bytes.push(BACKSLASH)
    this.#bytes.push(byte)
  }

  /** A quote or a backslash waits for more. */
  get open(): boolean {
    return this.#quote !== 0 || this.#escaped
  }

  text(): string {
    return decodeText(Buffer.from(this.#bytes))
  }
}

/** A JSON object, from its opening brace to its closing one. A comma before a closing bracket is forgiven. */
class ObjectScan {
  closed = false
  readonly #start: number
  #at: number
  #depth = 0
  #string = false
  #escaped = false
  /** Where a comma stands behind which nothing but blanks has come yet, or -1. */
  #comma = -1
  /** A value has come since the last comma or opening bracket. */
  #value = false
  readonly #dropped: number[] = []

  /** @param start where it starts in its command */
  constructor(start: number) {
    this.#start = this.#at = start
  }

  take(byte: number): void {
    const at = this.#at++
    if (this.#string) return this.#takeInString(byte)
    if (isBlank(byte) || byte === NEWLINE) return
    if (byte === COMMA) {
      this.#comma = this.#value ? at : -1
      this.#value = false
      return
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#close()
    else if (byte === DOUBLE_QUOTE) this.#string = true
    this.#value = byte !== OPEN_BRACE && byte !== OPEN_BRACKET
    this.#comma = -1
  }

  #takeInString(byte: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === DOUBLE_QUOTE) this.#string = false
  }

  #close(): void {
    if (this.#comma >= 0) this.#dropped.push(this.#comma)
    this.closed = --this.#depth === 0
  }

  /** @param command the command's bytes @throws CircuitError EINVAL */
  parse(command: Buffer): Record<string, unknown> {
    const bytes = Buffer.from(command.subarray(this.#start, this.#at))
    for (const at of this.#dropped) bytes[at - this.#start] = 0x20
    const text = decodeText(bytes)
    try {
      return JSON.parse(text) as Record<string, unknown>
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new CircuitError('EINVAL', `not JSON: ${reason}`, { cause })
    }
  }
}

function decodeText(bytes: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // told below: the reason is the same
  }
  throw new CircuitError('EINVAL', 'a command is UTF-8 text without NUL')
}
