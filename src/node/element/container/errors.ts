/** What the engine answers and what becomes of connections to it, as errors of this tree. */
import { CircuitError, type ErrorCode } from '../../../proto/errors.ts'

/** What the engine says of a start that failed, beside its status. The first that fits counts. */
const REASONS: readonly (readonly [RegExp, ErrorCode])[] = [
  [/executable file not found|no such file or directory|manifest unknown/i, 'ENOENT'],
  [/permission denied/i, 'EACCES'],
  [/port is already allocated|address already in use/i, 'EADDRINUSE'],
]

const STATUSES: Readonly<Record<number, ErrorCode>> = { 403: 'EACCES', 404: 'ENOENT', 409: 'EBUSY' }

/** Nobody listens there, may be asked, or has gone. */
const LOST = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** An answer of the engine that is no success. */
export class EngineError extends Error {
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}

/** @param where the engine, as a URL */
export function lost(where: string, cause?: unknown): CircuitError {
  const why = cause instanceof Error ? cause.message : 'the connection has ended'
  return new CircuitError(
    'EHOSTDOWN',
    `the Docker engine at ${where} does not answer (${why}); is it running?`,
    { cause },
  )
}

/** Makes a CircuitError of what a request was rejected with. @param tried what it was to do, as in "can't start it" */
export function engineError(tried: string, where: string, thrown: unknown): CircuitError {
  if (thrown instanceof CircuitError) return thrown
  const { code, statusCode, json, message } = thrown as {
    code?: string
    statusCode?: number
    json?: { message?: string }
    message?: string
  }
  if (statusCode !== undefined) {
    // dockerode puts its own words before what it could not parse.
    const said = (json?.message ?? message ?? '').replace(/^\(HTTP code \d+\) [^-]*- /, '').trim()
    const reason = REASONS.find(([pattern]) => statusCode !== 404 && pattern.test(said))
    const known = reason?.[1] ?? STATUSES[statusCode] ?? 'EINVAL'
    return new CircuitError(known, `${tried}: the engine says: ${said}`, { cause: thrown })
  }
  if (message === 'socket hang up' || (code !== undefined && LOST.has(code))) return lost(where, thrown)
  return new CircuitError('EPROTO', `${tried}: ${message}`, { cause: thrown })
}

/** Whether the engine has answered that there is no such thing. */
export const isMissing = (thrown: unknown): boolean =>
  typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown && thrown.statusCode === 404
