/**
 * The grammar of `ctl`: one command a line, a verb, then words quoted as in a shell, or one JSON object that may
 * span lines. Bytes come in as they are written; commands come out as soon as they are complete.
 */
import { TextDecoder } from 'node:util'
import { CircuitError } from './errors.ts'

/** Longest command, in bytes. */
export const MAX_COMMAND_BYTES = 1 << 20

/** Writes of a multiple of this many bytes are a buffered writer's chunks and don't end a command. */
const STDIO_CHUNK_BYTES = 4096

/** A parsed command. `fields` is there when its argument was a JSON object; `words` excludes the verb. */
export interface Command {
  readonly verb: string
  readonly words: readonly string[]
  readonly fields?: Readonly<Record<string, unknown>>
  /** The command as it was written, for logs and errors. */
  readonly text: string
}

/** Bytes that are looked at to tell somebody of a command: 200 characters of UTF-8. */
const EXCERPT_BYTES = 800

const NEWLINE = 0x0a
const COMMENT = 0x23
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d

/**
 * Cuts a stream of writes into commands. After an error the rest of that write is dropped, so the reader is
 * always at the beginning of a command when the next write comes.
 */
export class CommandReader {
  #pending: Buffer = Buffer.alloc(0)
  #reading = ''

  /** The first line, as far as it has come, of the command that was read last, for one that is refused. */
  get reading(): string {
    return this.#reading
  }

  /** Whether bytes of an unfinished command wait for more. */
  get unfinished(): boolean {
    return this.#pending.length > 0
  }

  /**
   * Takes one write and yields the commands that it completes.
   * @throws CircuitError EINVAL, EFBIG
   */
  *write(bytes: Uint8Array): Generator<Command> {
    const ends = bytes.length % STDIO_CHUNK_BYTES !== 0
    this.#pending = this.#pending.length ? Buffer.concat([this.#pending, bytes]) : Buffer.from(bytes)
    yield* this.#commands(ends ? 'write' : 'chunk')
  }

  /** Yields what was left when the file was closed. @throws CircuitError EINVAL if it is unfinished */
  *close(): Generator<Command> {
    yield* this.#commands('close')
  }

  /** Forgets the unfinished command. */
  reset(): void {
    this.#pending = Buffer.alloc(0)
  }

  *#commands(end: 'chunk' | 'write' | 'close'): Generator<Command> {
    const input = this.#pending
    this.#pending = Buffer.alloc(0)
    for (let at = skipIgnored(input, 0); at < input.length; at = skipIgnored(input, at)) {
      this.#reading = excerpt(firstLine(input.subarray(at, at + EXCERPT_BYTES)))
      const found = input[at] === COMMENT ? undefined : scanCommand(input, at, end !== 'chunk')
      if (found === undefined) {
        if (input[at] === COMMENT && end !== 'chunk') return
        if (end === 'close')
          throw new CircuitError('EINVAL', `unfinished command: ${excerpt(input.subarray(at))}`)
        this.#pending = keep(input.subarray(at))
        return
      }
      at = found.next
      yield found.command
    }
  }
}

const firstLine = (bytes: Buffer): Buffer => {
  const end = bytes.indexOf(NEWLINE)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

function keep(rest: Buffer): Buffer {
  if (rest.length > MAX_COMMAND_BYTES)
    throw new CircuitError('EFBIG', `a command is longer than ${MAX_COMMAND_BYTES} bytes`)
  return Buffer.from(rest)
}

/** Skips blanks, empty lines and comment lines, but not a comment whose end has not come. */
function skipIgnored(input: Buffer, from: number): number {
  let at = from
  for (;;) {
    while (isBlank(input[at]) || input[at] === NEWLINE) at++
    const end = input[at] === COMMENT ? input.indexOf(NEWLINE, at) : -1
    if (end < 0) return at
    at = end + 1
  }
}

interface Found {
  readonly command: Command
  readonly next: number
}

/** The command that starts at `from`, or undefined while it is not complete. */
function scanCommand(input: Buffer, from: number, ended: boolean): Found | undefined {
  const words: string[] = []
  for (let at = from; ; ) {
    while (isBlank(input[at])) at++
    const atEnd = at >= input.length
    if (atEnd && !ended) return undefined
    if (atEnd || input[at] === NEWLINE) return finish(input, from, at, words)
    if (words.length === 1 && input[at] === 0x7b /* { */) return scanObject(input, from, at, words, ended)
    const word = scanWord(input, at)
    if (word === undefined) return undefined
    words.push(word.text)
    at = word.next
  }
}

function finish(
  input: Buffer,
  from: number,
  to: number,
  words: string[],
  fields?: Record<string, unknown>,
): Found {
  if (to - from > MAX_COMMAND_BYTES)
    throw new CircuitError('EFBIG', `a command is longer than ${MAX_COMMAND_BYTES} bytes`)
  const [verb = '', ...rest] = words
  const text = excerpt(input.subarray(from, to))
  return { command: { verb, words: rest, text, ...(fields && { fields }) }, next: to }
}

/** One shell word: bare, 'single', "double" and \escaped parts run together. Undefined while a quote is open. */
function scanWord(input: Buffer, from: number): { text: string; next: number } | undefined {
  const bytes: number[] = []
  let quote = 0
  let at = from
  for (; at < input.length; at++) {
    const byte = input[at] ?? 0
    if (byte === NEWLINE) {
      if (quote)
        throw new CircuitError(
          'EINVAL',
          `a quote does not end on its line: ${excerpt(input.subarray(from, at))}; use JSON`,
        )
      break
    }
    if (quote ? byte === quote : byte === 0x27 || byte === 0x22) {
      quote = quote ? 0 : byte
    } else if (byte === 0x5c /* \ */ && quote !== 0x27) {
      const next = input[at + 1]
      if (next === undefined) return undefined
      if (next === NEWLINE)
        throw new CircuitError('EINVAL', 'a command is one line; a backslash does not continue it; use JSON')
      if (quote && !'"\\$`'.includes(String.fromCharCode(next))) bytes.push(byte)
      bytes.push(next)
      at++
    } else if (!quote && isBlank(byte)) {
      break
    } else {
      bytes.push(byte)
    }
  }
  if (quote) return undefined
  return { text: decodeText(Buffer.from(bytes)), next: at }
}

/** A JSON object and nothing behind it but the end of its line. A comma before a closing bracket is forgiven. */
function scanObject(
  input: Buffer,
  from: number,
  start: number,
  words: string[],
  ended: boolean,
): Found | undefined {
  const object = balanced(input, start)
  if (object === undefined) return undefined
  let at = object.next
  while (isBlank(input[at])) at++
  if (at >= input.length && !ended) return undefined
  if (at < input.length && input[at] !== NEWLINE)
    throw new CircuitError('EINVAL', `after the JSON object there is more: ${excerpt(input.subarray(at))}`)
  return finish(input, from, at, words, parseObject(object.text))
}

/** The text from an opening brace to its closing one, less trailing commas; undefined while it is open. */
function balanced(input: Buffer, start: number): { text: string; next: number } | undefined {
  const dropped: number[] = []
  let depth = 0
  let comma = -1
  for (let at = start; at < input.length; at++) {
    const byte = input[at]
    if (byte === 0x22 /* " */) {
      for (at++; at < input.length && input[at] !== 0x22; at++) if (input[at] === 0x5c) at++
      if (at >= input.length) return undefined
      comma = -1
    } else if (byte === 0x7b || byte === 0x5b) {
      depth++
      comma = -1
    } else if (byte === 0x7d || byte === 0x5d) {
      if (comma >= 0) dropped.push(comma)
      comma = -1
      if (--depth === 0) return { text: without(input, start, at + 1, dropped), next: at + 1 }
    } else if (byte === 0x2c /* , */) {
      comma = at
    } else if (!isBlank(byte) && byte !== NEWLINE) {
      comma = -1
    }
  }
  return undefined
}

function without(input: Buffer, start: number, end: number, dropped: readonly number[]): string {
  const copy = Buffer.from(input.subarray(start, end))
  for (const at of dropped) copy[at - start] = 0x20
  return decodeText(copy)
}

function parseObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new CircuitError('EINVAL', `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
}

function decodeText(bytes: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch {
    // told below: the reason is the same
  }
  throw new CircuitError('EINVAL', `a command is UTF-8 text without NUL: ${excerpt(bytes)}`)
}

/** At most 200 characters of a command, on one line. */
function excerpt(bytes: Buffer): string {
  const text = bytes.toString('utf8', 0, EXCERPT_BYTES).replace(/\s+/g, ' ').trim()
  return text.length > 200 ? `${text.slice(0, 199)}…` : text
}
