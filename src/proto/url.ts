/** A server's URL, in the form of the original: circuit://HOST:PORT/PID/Q<16 hexadecimal digits>. */
import { CircuitError } from './errors.ts'

export interface ServerUrl {
  readonly host: string
  readonly port: number
  /** The server's identity, X and 16 digits; undefined where the URL doesn't say. */
  readonly id: string | undefined
}

export const formatUrl = (address: string, pid: number, id: string): string =>
  `circuit://${address}/${pid}/Q${id.slice(1)}`

/** A URL, or HOST:PORT alone. @throws CircuitError EINVAL */
export function parseUrl(text: string): ServerUrl {
  const found = /^(?:circuit:\/\/)?(\[[^\]]+\]|[^/:]+):(\d+)(?:\/\d+\/Q([0-9a-f]{16}))?\/?$/.exec(text.trim())
  const [, host = '', port = '', id] = found ?? []
  if (!found || Number(port) > 65535)
    throw new CircuitError(
      'EINVAL',
      `not a circuit URL: ${JSON.stringify(text.trim())}; it looks like circuit://10.0.0.1:11022/78517/Q56e7a2a0d47a7b5d`,
    )
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(port),
    id: id === undefined ? undefined : `X${id}`,
  }
}
