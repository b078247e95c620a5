/**
 * The one table of errors: a code, its Linux errno (asm-generic/errno.h) and what it means in this tree.
 * The kernel's view answers with the errno, the wire and the command line with code and sentence.
 */
const ERRORS = {
  EPERM: { errno: 1, meaning: 'that is not possible in this tree' },
  ENOENT: { errno: 2, meaning: 'no such program, directory or anchor' },
  ESRCH: { errno: 3, meaning: 'the process has gone' },
  EINTR: { errno: 4, meaning: 'interrupted by a signal' },
  EBADF: { errno: 9, meaning: 'the file is not open for that' },
  EAGAIN: { errno: 11, meaning: 'it would have to wait' },
  ENOMEM: { errno: 12, meaning: 'not enough memory' },
  EACCES: { errno: 13, meaning: 'not allowed' },
  EBUSY: { errno: 16, meaning: 'its element is alive' },
  EEXIST: { errno: 17, meaning: 'the name is taken or the anchor is occupied' },
  ENOTDIR: { errno: 20, meaning: 'not an anchor' },
  EISDIR: { errno: 21, meaning: 'an anchor, not a file' },
  EINVAL: { errno: 22, meaning: 'not understood' },
  EMFILE: { errno: 24, meaning: 'the server has no file descriptor left' },
  ENOTTY: { errno: 25, meaning: 'not a terminal' },
  EFBIG: { errno: 27, meaning: 'the command is longer than 1 MiB' },
  ESPIPE: { errno: 29, meaning: 'a stream can only be seeked back over what was read last' },
  EPIPE: { errno: 32, meaning: 'closed' },
  ENAMETOOLONG: { errno: 36, meaning: 'a name has at most 255 bytes, a path 4095' },
  ENOSYS: { errno: 38, meaning: 'no such operation' },
  ENOTEMPTY: { errno: 39, meaning: 'the anchor has child anchors' },
  ENODATA: { errno: 61, meaning: 'closed and drained' },
  EPROTO: { errno: 71, meaning: 'an internal error of the server, told on its standard error' },
  EMSGSIZE: { errno: 90, meaning: 'the message is too long' },
  EOPNOTSUPP: { errno: 95, meaning: 'the wrong verb for this element' },
  EADDRINUSE: { errno: 98, meaning: 'the address is in use' },
  EADDRNOTAVAIL: { errno: 99, meaning: 'not an address of this host' },
  ECONNRESET: { errno: 104, meaning: 'cut short' },
  ETIMEDOUT: { errno: 110, meaning: 'the server does not answer' },
  EHOSTDOWN: { errno: 112, meaning: 'the server is lost' },
  ECANCELED: { errno: 125, meaning: 'the element was scrubbed' },
} as const

/** The symbolic name of an errno that circuit answers with. */
export type ErrorCode = keyof typeof ERRORS

/** Longest sentence, in characters: what users give is quoted in it, and it is kept in the log. */
const MAX_SENTENCE = 500

export interface ErrorDetails {
  readonly cause?: unknown
  /** What was used: the path of an anchor or a file. */
  readonly path?: string | undefined
  /** The server that was asked, or lost. */
  readonly server?: string | undefined
}

/** An error as users meet it: an errno, and a sentence that says what was tried and what to do. */
export class CircuitError extends Error {
  override readonly name = 'CircuitError'
  readonly code: ErrorCode
  readonly path: string | undefined
  readonly server: string | undefined

  /** @param sentence what was tried, on what, and why it failed; the table's meaning if left out */
  constructor(code: ErrorCode, sentence?: string, { path, server, ...options }: ErrorDetails = {}) {
    super(clip(sentence ?? ERRORS[code].meaning), options)
    this.code = code
    this.path = path
    this.server = server
  }

  /** The Linux errno, positive. */
  get errno(): number {
    return ERRORS[this.code].errno
  }
}

const clip = (text: string): string =>
  text.length > MAX_SENTENCE ? `${text.slice(0, MAX_SENTENCE - 1)}…` : text

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERRORS, code)

/**
 * Makes a CircuitError of whatever was thrown. System errors keep their code where the table has it; anything
 * else is a bug of ours and becomes EPROTO.
 */
export function asCircuitError(thrown: unknown): CircuitError {
  if (thrown instanceof CircuitError) return thrown
  const { code, message } = thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : {}
  if (isErrorCode(code)) return new CircuitError(code, message, { cause: thrown })
  return new CircuitError('EPROTO', `internal error: ${message ?? String(thrown)}`, { cause: thrown })
}

/** The Linux errno of a code, positive. */
export const errnoOf = (code: ErrorCode): number => ERRORS[code].errno
