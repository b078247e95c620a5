/** Options that say how a server or a client reaches others: keys and addresses. */
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Group } from '../node/discovery/caller.ts'
import { parseGroup } from '../node/discovery/interfaces.ts'
import { type Key, readKey } from '../node/peer/key.ts'
import { defaultKeys } from '../node/runtime.ts'
import { type Address, parseAddress } from '../proto/address.ts'
import { UsageError } from './options.ts'

export const KEY_OPTIONS = {
  hmac: {
    type: 'string',
    multiple: true,
    value: 'FILE',
    help: "the circuit's key, from circuit keygen (or CIRCUIT_HMAC); several during a rotation, the first is used to dial",
  },
  insecure: { type: 'boolean', help: 'no key: whoever reaches the address may run programs' },
} as const

export interface KeyValues {
  readonly hmac?: readonly string[]
  readonly insecure?: boolean
}

/** The keys, and whether they were given: without, a key that only this user on this host has stands in. */
export function findKeys({ hmac, insecure }: KeyValues): { keys: readonly Key[]; given: boolean } {
  if (insecure && (hmac || process.env.CIRCUIT_HMAC))
    throw new UsageError('--insecure and a key contradict each other')
  if (insecure) return { keys: [], given: true }
  return hmac ? { keys: hmac.map(readKey), given: true } : defaultKeys()
}

export const DISCOVERY_OPTIONS = {
  discover: {
    type: 'string',
    value: 'GROUP:PORT',
    help: 'find other servers by calling out to a multicast group, as 228.8.8.8:7711 (or CIRCUIT_DISCOVER)',
  },
  mdns: { type: 'boolean', help: 'find other servers by multicast DNS, as _circuit._tcp' },
} as const

/** The multicast group to call out to, if there is to be one. @throws UsageError */
export function findDiscovery({ discover }: { readonly discover?: string }): Group | undefined {
  const text = discover ?? process.env.CIRCUIT_DISCOVER
  return text ? asUsage(() => parseGroup(text)) : undefined
}

const LOOPBACK: Address = { host: '127.0.0.1', port: 0 }

/** Where to listen. @throws UsageError; without a key it is loopback, or refused */
export function findAddress(
  address: string | undefined,
  interfaceName: string | undefined,
  given: boolean,
): Address {
  const chosen = address === undefined ? undefined : chosenAddress(address)
  const host = chosen?.host ?? (interfaceName === undefined ? LOOPBACK.host : addressOf(interfaceName))
  if (!given && !isLoopback(host))
    throw new UsageError(
      `without a key this server would run programs for whoever reaches ${host}: give it one with -hmac FILE (circuit keygen makes it), or say --insecure`,
    )
  return { host, port: chosen?.port ?? LOOPBACK.port }
}

function chosenAddress(text: string): Address {
  const { host = '0.0.0.0', port = 0 } = asUsage(() => parseAddress(text))
  if (isIP(host) === 0)
    throw new UsageError(`not an address of this host: ${text}; it looks like 10.0.0.1:11022`)
  return { host, port }
}

/** What a user has given, wrongly perhaps. */
function asUsage<T>(parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

function addressOf(name: string): string {
  const found = networkInterfaces()[name]?.find(({ family }) => family === 'IPv4')
  if (found === undefined)
    throw new UsageError(
      `there is no interface ${name} with an IPv4 address; there are ${Object.keys(networkInterfaces()).join(' ')}`,
    )
  return found.address
}

const isLoopback = (host: string): boolean => host.startsWith('127.') || host === '::1'
