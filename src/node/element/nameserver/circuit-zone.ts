/**
 * The circuit as a zone: its servers by name and by id below a domain, all of them at the domain itself. It is the
 * membership view that the root of the tree shows, and follows joins and leaves at once.
 */
import { isIPv4, isIPv6 } from 'node:net'
import { CircuitError } from '../../../proto/errors.ts'
import { parseUrl } from '../../../proto/url.ts'
import type { Member, Members } from '../../circuit.ts'
import { ipv4, ipv6 } from './fields.ts'
import { MAX_LABEL, MAX_NAME, type Name } from './name.ts'
import { makeRecord } from './record.ts'
import { Token } from './tokens.ts'
import { TYPE, typeOfCode } from './types.ts'
import { Zone, type ZoneView } from './zone.ts'

/** Seconds for which others may remember who is there, and who is not. */
const TTL_S = 5
/** Of the SOA record, for secondary servers, of which there are none: refresh, retry and expire, in seconds. */
const TIMERS_S = [60, 60, 3600] as const

/** What of a member makes a difference here. */
interface Seen {
  readonly member: Member
  readonly name: string
  readonly address: string
}

export class CircuitZone {
  readonly #domain: Name
  readonly #members: Members
  #seen: readonly Seen[] = []
  #zone = new Zone()
  #serial = Math.floor(Date.now() / 1000)

  constructor(domain: Name, members: Members) {
    this.#domain = domain
    this.#members = members
    this.#build()
  }

  /** The zone of the servers that are there now. */
  current(): ZoneView & Pick<Zone, 'names'> {
    const members = this.#members.list()
    const same =
      members.length === this.#seen.length &&
      this.#seen.every(({ member, name, address }, index) => {
        const now = members[index]
        return now === member && now.name === name && now.address === address
      })
    if (!same) this.#build()
    return this.#zone
  }

  #build(): void {
    this.#seen = this.#members
      .list()
      .map((member) => ({ member, name: member.name, address: member.address }))
    this.#zone = new Zone()
    this.#addAuthority()
    for (const { member, name, address } of this.#seen)
      for (const labels of [[], [member.id], name.split('.')]) this.#addAddress(labels, address)
  }

  #addAuthority(): void {
    const server = below([this.#members.self.id], this.#domain)
    const contact = below(['hostmaster'], this.#domain)
    if (server === undefined || contact === undefined) return
    const numbers = Buffer.alloc(20)
    for (const [index, value] of [this.#serial++, ...TIMERS_S, TTL_S].entries())
      numbers.writeUInt32BE(value, 4 * index)
    this.#add(this.#domain, TYPE.SOA, Buffer.concat([server, contact, numbers]))
    this.#add(this.#domain, TYPE.NS, server)
  }

  #addAddress(labels: readonly string[], address: string): void {
    const owner = below(labels, this.#domain)
    if (owner === undefined || address === '') return
    const { host } = parseUrl(address)
    const token = new Token(host, 1, false)
    if (isIPv4(host)) this.#add(owner, TYPE.A, ipv4.parse(token))
    else if (isIPv6(host) && !host.includes('%')) this.#add(owner, TYPE.AAAA, ipv6.parse(token))
  }

  /** Of more servers than one answer holds, the first ones are there. */
  #add(owner: Name, type: number, data: Buffer): void {
    try {
      this.#zone.add(makeRecord(owner, TTL_S, typeOfCode(type), data))
    } catch (error) {
      if (!(error instanceof CircuitError)) throw error
    }
  }
}

/** A name below a domain; undefined where these labels make none, or would be a wildcard. */
function below(labels: readonly string[], domain: Name): Name | undefined {
  const bytes = labels.map((label) => Buffer.from(label))
  const bad = (label: Buffer): boolean => label.length === 0 || label.length > MAX_LABEL || label.equals(STAR)
  if (bytes.some(bad)) return undefined
  const name = Buffer.concat([...bytes.flatMap((label) => [Buffer.of(label.length), label]), domain])
  return name.length > MAX_NAME ? undefined : name
}

const STAR = Buffer.from('*')
