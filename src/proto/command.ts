/**
 * The grammar of `ctl`: one command a line, a verb, then words quoted as in a shell, or one JSON object that may
 * span lines. Bytes come in as they are written; commands come out as soon as they are complete.
 */
import { CommandScan } from './command-scan.ts'
import { CircuitError } from './errors.ts'
import { GrowingBuffer } from './growing-buffer.ts'

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
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d

/** An unfinished command, or, without a scan, a comment: its bytes, all of which have been looked at. */
interface Pending {
  readonly bytes: GrowingBuffer
  readonly scan: CommandScan | undefined
}

/**
 * Cuts a stream of writes into commands. After an error the rest of that write is dropped, so the reader is
 * always at the beginning of a command when the next write comes. No byte is looked at twice, however many writes a
 * command comes in.
 */
export class CommandReader {
  #pending: Pending | undefined
  #refused = ''

  /** The first line, as far as it has come, of the command that was refused last. */
  get refused(): string {
    return this.#refused
  }

  /** Whether bytes of an unfinished command wait for more. */
  get unfinished(): boolean {
    return this.#pending !== undefined
  }

  /**
   * Takes one write and yields the commands that it completes.
   * @throws CircuitError EINVAL, EFBIG
   */
  *write(bytes: Uint8Array): Generator<Command> {
    yield* this.#commands(bytes, bytes.length % STDIO_CHUNK_BYTES === 0 ? 'chunk' : 'write')
  }

  /** Yields what was left when the file was closed. @throws CircuitError EINVAL if it is unfinished */
  *close(): Generator<Command> {
    yield* this.#commands(new Uint8Array(0), 'close')
  }

  *#commands(written: Uint8Array, end: 'chunk' | 'write' | 'close'): Generator<Command> {
    const pending = this.#pending ?? { bytes: new GrowingBuffer(), scan: undefined }
    let comment = this.#pending !== undefined && pending.scan === undefined
    let { scan } = pending
    // Whatever ends this early, here or where the commands are executed, drops the rest of the write.
    this.#pending = undefined
    let at = pending.bytes.length
    pending.bytes.append(written)
    const bytes = pending.bytes.view()
    let from = 0
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      if (comment) {
        comment = byte !== NEWLINE
      } else if (scan === undefined) {
        if (isBlank(byte) || byte === NEWLINE) continue
        comment = byte === COMMENT
        if (comment) continue
        from = at
        scan = new CommandScan()
        scan.take(byte)
      } else if (this.#take(scan, byte, bytes, from)) {
        yield this.#finish(scan, bytes, from, at)
        scan = undefined
      }
    }
    if (scan?.whole && end !== 'chunk') {
      yield this.#finish(scan, bytes, from, bytes.length)
      scan = undefined
    }
    if (scan) this.#pending = this.#keep(pending.bytes, from, scan, end)
    else if (comment && end === 'chunk') this.#pending = { bytes: new GrowingBuffer(), scan: undefined }
  }

  #take(scan: CommandScan, byte: number, bytes: Buffer, from: number): boolean {
    try {
      return scan.take(byte)
    } catch (error) {
      throw this.#refuse(error, bytes, from)
    }
  }

  #finish(scan: CommandScan, bytes: Buffer, from: number, to: number): Command {
    const command = bytes.subarray(from, to)
    try {
      checkLength(command.length)
      return { ...scan.finish(command), text: excerpt(command) }
    } catch (error) {
      throw this.#refuse(error, bytes, from)
    }
  }

  #keep(bytes: GrowingBuffer, from: number, scan: CommandScan, end: 'chunk' | 'write' | 'close'): Pending {
    try {
      if (end === 'close')
        throw new CircuitError('EINVAL', 'unfinished command: a quote or a JSON object is still open')
      checkLength(bytes.length - from)
    } catch (error) {
      throw this.#refuse(error, bytes.view(), from)
    }
    return { bytes: from === 0 ? bytes : new GrowingBuffer(bytes.view().subarray(from)), scan }
  }

  #refuse(error: unknown, bytes: Buffer, from: number): unknown {
    const end = bytes.indexOf(NEWLINE, from)
    this.#refused = excerpt(bytes.subarray(from, end < 0 ? bytes.length : end))
    return error
  }
}

function checkLength(length: number): void {
  if (length > MAX_COMMAND_BYTES)
    throw new CircuitError('EFBIG', `a command is longer than ${MAX_COMMAND_BYTES} bytes`)
}

/** At most 200 characters of a command, on one line. */
function excerpt(bytes: Buffer): string {
  const text = bytes.toString('utf8', 0, EXCERPT_BYTES).replace(/\s+/g, ' ').trim()
  return text.length > 200 ? `${text.slice(0, 199)}…` : text
}
