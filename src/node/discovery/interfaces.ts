/** Which networks discovery uses, and the form of a group's address. */
import { networkInterfaces } from 'node:os'
import type { Group } from './caller.ts'

/** @throws Error in words when the text is no group: 228.8.8.8:7711 */
export function parseGroup(text: string): Group {
  const [, address = '', first = '', port = ''] = /^((\d{1,3})(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(text) ?? []
  const isGroup =
    Number(first) >= 224 && Number(first) <= 239 && address.split('.').every((part) => Number(part) < 256)
  if (!isGroup || Number(port) < 1 || Number(port) > 65_535)
    throw new Error(`not a multicast address and port: ${JSON.stringify(text)}; it looks like 228.8.8.8:7711`)
  return { address, port: Number(port) }
}

/** The IPv4 addresses by whose interfaces others can be found, for a server that listens on `host`. */
export function interfacesOf(host: string): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host]
  return allInterfaces()
}

/** One address of each interface that is up. */
export function allInterfaces(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => {
    const found = addresses?.find(({ family }) => family === 'IPv4')
    return found ? [found.address] : []
  })
}
