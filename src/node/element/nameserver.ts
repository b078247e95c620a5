/** The kind `dns`: what it takes to make a nameserver, and what can be done with one. The rest is loaded with the first. */
import { isIP } from 'node:net'
import { type Address, parseAddress } from '../../proto/address.ts'
import type { Command } from '../../proto/command.ts'
import { CircuitError } from '../../proto/errors.ts'
import { parseUrl } from '../../proto/url.ts'
import type { Host } from '../host.ts'
import { parseFields, text } from './fields.ts'
import { type Birth, defineKind, type Element, expectWords, type Kind } from './kind.ts'
import type { Nameserver } from './nameserver/nameserver.ts'

const LOOPBACK = '127.0.0.1'
const MKDNS = 'mkdns [ADDRESS:PORT]'

const FIELDS = { Address: text, Circuit: text }

/**
 * What is left out is the address at which others reach this server, and a free port.
 * @throws CircuitError EINVAL
 */
function whereToListen(given: string, { members }: Host): Address {
  const { host, port = 0 } = parseAddress(given)
  const own = members().self.address
  const address = host ?? (own ? parseUrl(own).host : LOOPBACK)
  if (isIP(address) === 0 || address.includes('%'))
    throw new CircuitError(
      'EINVAL',
      `mkdns: an address is as in 127.0.0.1:7711, 127.0.0.1, :7711 or [::1]:7711, not ${JSON.stringify(given)}`,
    )
  return { host: address, port }
}

async function make(command: Command, { host, signal }: Birth): Promise<Element> {
  const { Address: given = '', Circuit: domain } = command.fields
    ? parseFields(command, FIELDS)
    : { Address: expectWords(command, MKDNS, 0, 1)[0] }
  const { Nameserver } = await import('./nameserver/nameserver.ts')
  const nameserver = await Nameserver.start({
    kind: nameserverKind,
    address: whereToListen(given, host),
    ...(domain !== undefined && { circuit: { domain, members: host.members() } }),
  })
  if (!signal.aborted) return nameserver
  nameserver.scrub()
  throw new CircuitError('EINTR')
}

export const nameserverKind: Kind = defineKind<Nameserver>({
  name: 'dns',
  files: {
    records: {
      access: 'read',
      nature: 'text',
      help: 'what is served, one record a line',
      open: (nameserver) => nameserver.openRecords(),
    },
  },
  verbs: {
    set: {
      usage: 'set RECORD',
      help: 'add a record in the form of zone files, NAME [TTL] [IN] TYPE DATA; names are whole, with a dot at their end or without',
      run: (nameserver, command) =>
        nameserver.set(expectWords(command, 'set RECORD', 1, Number.POSITIVE_INFINITY)),
    },
    unset: {
      usage: 'unset NAME',
      help: 'take away all records of a name',
      run: (nameserver, command) => {
        const [name = ''] = expectWords(command, 'unset NAME', 1)
        nameserver.unset(name)
      },
    },
  },
  makers: {
    mkdns: {
      usage: `${MKDNS}, or mkdns {"Address":"127.0.0.1:7711","Circuit":"circuit.local"}`,
      help: "serve DNS, on a free port of this server's address if none is given; with Circuit the servers of the circuit are found below that domain, as in web1.circuit.local",
      make,
    },
  },
})
