/** Addresses of sockets as text: HOST:PORT, an IPv6 address in brackets. Pure: nothing is looked up. */
import { isIPv6 } from 'node:net'
import { CircuitError } from './errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** `127.0.0.1:7711`, `[::1]:7711` */
export const formatAddress = ({ host, port }: Address): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

/**
 * What a user gives to listen on: HOST:PORT, HOST, :PORT, [IPV6]:PORT, or a bare IPv6 address. What is left out is
 * undefined; whether the host is one is not looked at.
 * @throws CircuitError EINVAL
 */
export function parseAddress(text: string): Partial<Address> {
  const [found, bracketed, plain, digits] = isIPv6(text)
    ? [text, text]
    : (/^(?:\[([^\]]+)\]|([^:]+))?(?::(\d{1,5}))?$/.exec(text) ?? [])
  const host = bracketed ?? plain
  if (found === undefined || Number(digits ?? 0) > 65_535)
    throw new CircuitError('EINVAL', `not an address: ${JSON.stringify(text)}; it looks like 10.0.0.1:11022`)
  return { ...(host !== undefined && { host }), ...(digits !== undefined && { port: Number(digits) }) }
}
