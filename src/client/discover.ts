/** Finds servers by asking the network: a multicast group, or multicast DNS. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Caller, type Found } from '../node/discovery/caller.ts'
import { allInterfaces, parseGroup } from '../node/discovery/interfaces.ts'
import type { Key } from '../node/peer/key.ts'
import { formatUrl } from '../proto/url.ts'
import type { Candidate, Source } from './find.ts'

/** Between two calls, in ms: the first may be lost, or servers may just be starting. */
const CALL_MS = 250
/** After the first answer others are awaited for so long, in ms. */
const MORE_MS = 20

/** Asks on all networks of this host, again with each call. */
interface Asker {
  call(): void
  close(): void
}

export const inGroup = (text: string, keys: readonly Key[]): Source => ({
  what: `servers that answer calls to the multicast group ${text}`,
  find: (signal) =>
    ask(signal, `answered from the group ${text}`, async (onFound) => {
      return new Caller({ group: parseGroup(text), interfaces: allInterfaces(), keys, id: '', onFound })
    }),
})

export const byMdns = (keys: readonly Key[]): Source => ({
  what: 'servers that are announced by multicast DNS, as _circuit._tcp',
  find: (signal) =>
    ask(signal, 'announced by multicast DNS', async (onFound) => {
      // Loaded when it is first used: it is not small.
      const { MdnsBrowser } = await import('../node/discovery/mdns.ts')
      return new MdnsBrowser({ interfaces: allInterfaces(), keys, onFound })
    }),
})

/** Calls until somebody answers, and waits a little for others. */
async function ask(
  signal: AbortSignal,
  from: string,
  open: (onFound: (found: Found) => void) => Promise<Asker>,
): Promise<Candidate[]> {
  const found = new Map<string, Found>()
  let heard = (): void => {}
  const first = new Promise<void>((resolve) => {
    heard = resolve
  })
  const asker = await open((server) => {
    found.set(server.id, server)
    heard()
  })
  try {
    while (found.size === 0 && !signal.aborted) {
      asker.call()
      await Promise.race([first, sleep(CALL_MS, undefined, { signal }).catch(() => {})])
    }
    if (!signal.aborted) await sleep(MORE_MS)
  } finally {
    asker.close()
  }
  return Array.from(found.values(), ({ id, address }) => ({ url: formatUrl(address, 0, id), from }))
}
