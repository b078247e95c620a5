/** A nameserver: records that are set and unset, and answers to whoever asks on its address. */

import { type Address, formatAddress } from '../../../proto/address.ts'
import { CircuitError } from '../../../proto/errors.ts'
import type { Members } from '../../circuit.ts'
import { TextHandle } from '../../handle.ts'
import type { Element, Kind } from '../kind.ts'
import { answer } from './answer.ts'
import { CircuitZone } from './circuit-zone.ts'
import { formatName, keyOf, type Name, parseName } from './name.ts'
import { parseRecord } from './record.ts'
import { recordOf, Token } from './tokens.ts'
import { listen, type Transport } from './transport.ts'
import { layered, type RecordSet, Zone, type ZoneView } from './zone.ts'

export interface NameserverOptions {
  readonly kind: Kind
  readonly address: Address
  /** The domain below which the circuit's servers are found, if any. */
  readonly circuit?: { readonly domain: string; readonly members: Members }
}

export class Nameserver implements Element {
  readonly kind: Kind
  readonly #zone = new Zone()
  readonly #domain: Name | undefined
  readonly #servers: CircuitZone | undefined
  /** Which record of a set the last answer began with. */
  readonly #turns = new WeakMap<RecordSet, number>()
  #transport: Transport | undefined

  /** Serves when it settles. @throws CircuitError EINVAL, EADDRINUSE, EADDRNOTAVAIL, EACCES */
  static async start(options: NameserverOptions): Promise<Nameserver> {
    const nameserver = new Nameserver(options)
    nameserver.#transport = await listen(options.address, (query, over) =>
      answer(nameserver.#view(), query, { over, first: (set) => nameserver.#turn(set) }),
    )
    return nameserver
  }

  private constructor({ kind, circuit }: NameserverOptions) {
    this.kind = kind
    if (circuit === undefined) return
    this.#domain = parseDomain(circuit.domain)
    this.#servers = new CircuitZone(this.#domain, circuit.members)
  }

  /** Its anchor can't be removed before it is scrubbed: others may rely on it. */
  get alive(): boolean {
    return true
  }

  peek(): unknown {
    return {
      Address: this.#transport && formatAddress(this.#transport.address),
      ...(this.#domain && { Circuit: formatName(this.#domain) }),
      Records: Object.fromEntries(
        Array.from(this.#zone.names(), (records) => [
          formatName(records[0]?.owner ?? Buffer.of(0)),
          records.map(({ text }) => text),
        ]),
      ),
    }
  }

  openRecords(): TextHandle {
    const names = [...this.#zone.names(), ...(this.#servers?.current().names() ?? [])]
    return new TextHandle(names.flatMap((records) => records.map(({ text }) => `${text}\n`)).join(''))
  }

  /** Adds a record, in the words of a command. @throws CircuitError EINVAL, EEXIST, EMSGSIZE, ENOMEM */
  set(words: readonly string[]): void {
    this.#zone.add(parseRecord(recordOf(words)))
  }

  /** Takes away all records of a name. @throws CircuitError EINVAL, ENOENT */
  unset(text: string): void {
    const name = parseName(new Token(text, 1, false))
    if (this.#zone.remove(keyOf(name)) === 0)
      throw new CircuitError('ENOENT', `there are no records of ${formatName(name)}`)
  }

  scrub(): void {
    this.#transport?.close()
  }

  #view(): ZoneView {
    return this.#servers ? layered(this.#zone, this.#servers.current()) : this.#zone
  }

  /** Records of a set take turns in being the first, which is what most clients use. */
  #turn(set: RecordSet): number {
    if (set.records.length === 1) return 0
    const turn = ((this.#turns.get(set) ?? -1) + 1) % set.records.length
    this.#turns.set(set, turn)
    return turn
  }
}

function parseDomain(text: string): Name {
  const name = parseName(new Token(text, 1, false))
  if (name.length === 1)
    throw new CircuitError('EINVAL', 'Circuit: a domain such as circuit.local, not the root')
  return name
}
