/** Finds servers by calling out to a multicast group. */
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

export const inGroup = (text: string, keys: readonly Key[]): Source => ({
  what: `servers that answer calls to the multicast group ${text}`,
  async find(signal) {
    const found = new Map<string, Found>()
    let heard = (): void => {}
    const first = new Promise<void>((resolve) => {
      heard = resolve
    })
    const caller = new Caller({
      group: parseGroup(text),
      interfaces: allInterfaces(),
      keys,
      id: '',
      onFound: (server) => {
        found.set(server.id, server)
        heard()
      },
    })
    try {
      while (found.size === 0 && !signal.aborted) {
        caller.call()
        await Promise.race([first, sleep(CALL_MS, undefined, { signal }).catch(() => {})])
      }
      if (!signal.aborted) await sleep(MORE_MS)
    } finally {
      caller.close()
    }
    return Array.from(found.values(), ({ id, address }): Candidate => {
      return { url: formatUrl(address, 0, id), from: `answered from the group ${text}` }
    })
  },
})
