/** Finds a server and connects to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Greeted, greet } from '../node/peer/greeting.ts'
import type { Key } from '../node/peer/key.ts'
import { dialSocket } from '../node/peer/secure.ts'
import { CircuitError, type ErrorCode } from '../proto/errors.ts'
import { parseUrl } from '../proto/url.ts'
import type { Candidate, Source } from './find.ts'

/** How long a server is looked for, in ms. */
export const FIND_MS = 3000
/** After so long without an answer the next candidate is tried beside, in ms. */
const STAGGER_MS = 250

interface Failure extends Candidate {
  readonly error: Error
}

/**
 * Dials the candidates of a source, best first; a slow one does not hold up the next.
 * @param limit ms
 * @throws CircuitError that says what was tried; the reason of the signal
 */
export async function dialFirst(
  source: Source,
  keys: readonly Key[],
  limit: number,
  signal?: AbortSignal,
): Promise<Greeted> {
  signal?.throwIfAborted()
  const search = new AbortController()
  const stop = (): void => search.abort()
  signal?.addEventListener('abort', stop)
  const deadline = setTimeout(stop, limit)
  const failures: Failure[] = []
  try {
    const candidates = await source.find(search.signal)
    let allFailed: Promise<unknown> = Promise.resolve()
    const dials = candidates.map((candidate, n) => {
      const turn = sleep(n * STAGGER_MS, undefined, { signal: search.signal }).catch(() => {})
      const dialled = Promise.race([allFailed, turn])
        .then(() => dial(candidate, candidate.keys ?? keys, search.signal))
        .catch((error: Error) => {
          failures.push({ ...candidate, error })
          if (isRefused(error)) candidate.forget?.()
          throw error
        })
      allFailed = dialled.then(
        () => new Promise(() => {}),
        () => {},
      )
      return dialled
    })
    return await Promise.any(dials).finally(stop)
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof AggregateError)) throw error
    throw notFound(source, failures, limit)
  } finally {
    clearTimeout(deadline)
    signal?.removeEventListener('abort', stop)
  }
}

async function dial({ url }: Candidate, keys: readonly Key[], signal: AbortSignal): Promise<Greeted> {
  const { host, port, id } = parseUrl(url)
  const socket = await dialSocket(host, port, keys, signal)
  const giveUp = (): void => void socket.destroy()
  signal.addEventListener('abort', giveUp)
  try {
    return await greet(socket, {
      dialled: true,
      hello: {},
      expected: id,
      onGreeted: () => (stream) => {
        stream.send({ failure: { code: 'ENOSYS', sentence: 'a client serves nothing' } })
        stream.end()
      },
      onClosed: () => {},
    })
  } catch (error) {
    if (signal.aborted) throw new CircuitError('ETIMEDOUT', 'it did not answer in time', { cause: error })
    throw error
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

const isRefused = ({ cause }: Error): boolean =>
  cause instanceof Error && (cause as NodeJS.ErrnoException).code === 'ECONNREFUSED'

function notFound(source: Source, failures: readonly Failure[], limit: number): CircuitError {
  const tried = failures.map(({ url, from, error }) => `${url} (${from}): ${error.message}`)
  const what = tried.length > 0 ? `tried ${tried.join('; ')}` : `tried ${source.what}: there are none`
  const codes = new Set(failures.map(({ error }): ErrorCode => codeOf(error)))
  const [code = 'EHOSTDOWN'] = codes.size === 1 ? codes : []
  const advice =
    code === 'EACCES'
      ? "give the circuit's key with -hmac FILE or CIRCUIT_HMAC"
      : 'start one here with circuit start, or name one with -d URL'
  return new CircuitError(code, `no server found within ${limit / 1000} s: ${what}; ${advice}`)
}

const codeOf = (error: Error): ErrorCode => (error instanceof CircuitError ? error.code : 'EHOSTDOWN')
