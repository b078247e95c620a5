/**
 * How a client finds a server to dial: the first of these that is there decides, and nothing else is tried then. A URL that
 * was given; the file that CIRCUIT names; the servers of this user on this host.
 */
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { type Key, readKey } from '../node/peer/key.ts'
import { announced, runtimeDirectory } from '../node/runtime.ts'
import { CircuitError } from '../proto/errors.ts'
import { parseUrl } from '../proto/url.ts'
import { byMdns, inGroup } from './discover.ts'

/** A server that may be there. */
export interface Candidate {
  readonly url: string
  /** Where the URL is from, in words. */
  readonly from: string
  /** Those of its circuit, where they are known with it. */
  readonly keys?: readonly Key[]
  /** It is certainly not there, and need not be tried again. */
  readonly forget?: () => void
}

/** Where candidates come from. */
export interface Source {
  /** In words, for whoever finds none. */
  readonly what: string
  /** The candidates, best first. @throws CircuitError, or Error in words */
  find(signal: AbortSignal): Promise<readonly Candidate[]>
}

/** What a user may give: a server's URL, a multicast group to call out to, or that multicast DNS be asked. */
export interface Given {
  readonly url?: string | undefined
  readonly discover?: string | undefined
  readonly mdns?: boolean | undefined
}

/**
 * The source that decides.
 * @param keys those of the circuit, which only its servers answer
 * @param given whether somebody has said that it is these: servers of this host are not asked for theirs then
 */
export function findSource({ url, discover, mdns }: Given, keys: readonly Key[], given: boolean): Source {
  if (url !== undefined) return givenUrl(url)
  if (discover !== undefined) return inGroup(discover, keys)
  if (mdns) return byMdns(keys)
  const { CIRCUIT, CIRCUIT_DISCOVER } = process.env
  if (CIRCUIT) return namedByVariable(CIRCUIT)
  if (CIRCUIT_DISCOVER) return inGroup(CIRCUIT_DISCOVER, keys)
  return onThisHost(given)
}

const givenUrl = (url: string): Source => ({
  what: 'the URL that was given',
  find: async () => [{ url, from: 'given' }],
})

/** A file with a URL, or the URL itself. */
const namedByVariable = (value: string): Source => ({
  what: `CIRCUIT=${value}`,
  async find() {
    if (value.startsWith('circuit://')) return [{ url: value, from: 'given by CIRCUIT' }]
    // Shells leave a quoted ~ as it is.
    const file = value.replace(/^~(?=\/)/, homedir())
    try {
      const [url = ''] = readFileSync(file, 'utf8').trim().split('\n')
      parseUrl(url)
      return [{ url, from: `from ${file}, which CIRCUIT names` }]
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new CircuitError(
        'EINVAL',
        `CIRCUIT names the file ${file}, which should hold a server's URL: ${why}`,
        { cause },
      )
    }
  },
})

const onThisHost = (keyGiven: boolean): Source => ({
  get what() {
    return `servers of this user on this host, announced in ${runtimeDirectory()}`
  },
  find: async () =>
    announced().map(({ url, keyFile, forget }) => ({
      url,
      from: 'announced on this host',
      ...(!keyGiven && keyFile !== '' && keysIn(keyFile)),
      forget: () => isGone(url) && forget(),
    })),
})

/** The key of a server of this user, if it is still there: it may have been replaced since. */
function keysIn(file: string): { keys: readonly Key[] } | undefined {
  try {
    return { keys: [readKey(file)] }
  } catch {
    return undefined
  }
}

/** Whether the process that a URL of this host names is no more. */
function isGone(url: string): boolean {
  const pid = Number(/\/(\d+)\/Q/.exec(url)?.[1])
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
