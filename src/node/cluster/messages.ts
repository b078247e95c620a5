/** What servers say to each other about who is there. codec.ts puts it into bytes. */

/** What never changes about a server. */
export interface Info {
  /** X and 16 hexadecimal digits, new at every start: what is told of an identity is never true of another server. */
  readonly id: string
  readonly name: string
  /** HOST:PORT, the same port for connections and for datagrams. */
  readonly address: string
  /** When it started by its own clock, ms since 1970. */
  readonly since: number
}

/** Where a datagram goes: it is read only by the server of that identity. */
export type Destination = Pick<Info, 'id' | 'address'>

/**
 * A piece of news about one server. Incarnations put them in order: only the server itself raises its own, to refute what is told
 * of it (SWIM, section 4.2).
 */
export type Rumor =
  | { readonly kind: 'alive'; readonly info: Info; readonly incarnation: number }
  | { readonly kind: 'suspect'; readonly id: string; readonly incarnation: number; readonly from: string }
  /** `gone`: its host says that nobody is at its port. */
  | {
      readonly kind: 'dead'
      readonly id: string
      readonly incarnation: number
      readonly from: string
      readonly gone: boolean
    }
  | { readonly kind: 'left'; readonly id: string; readonly incarnation: number }

/** A server as another one sees it. Who is lost is told with all that is needed to look for it, and for how long it has been, in ms. */
export type ServerRecord =
  | Rumor
  | { readonly kind: 'lost'; readonly info: Info; readonly incarnation: number; readonly age: number }

export type Alive = Extract<Rumor, { kind: 'alive' }>

/** Of whom it tells. */
export const subject = (rumor: ServerRecord): string => ('info' in rumor ? rumor.info.id : rumor.id)

export type Message =
  /** Are you there? Answered by ack with the same number. */
  | { readonly kind: 'ping'; readonly seq: number }
  | { readonly kind: 'ack'; readonly seq: number }
  /** Is it there? Answered by ack when it is, by nack when it has not answered in time. */
  | {
      readonly kind: 'indirect'
      readonly seq: number
      readonly target: Destination
      readonly patience: number
    }
  | { readonly kind: 'nack'; readonly seq: number }
  /** Nothing but news. */
  | { readonly kind: 'gossip' }
  /** What do you know of the servers whose identities come after this one? Answered by a page of as many as fit. */
  | { readonly kind: 'pull'; readonly after: string }
  | {
      readonly kind: 'page'
      readonly after: string
      readonly next: string
      readonly records: readonly ServerRecord[]
    }

/** A datagram's content. */
export interface Packet {
  readonly message: Message
  /** Of all that the sender holds to be alive: equal ones are equal views. */
  readonly digest: number
  /** The first is the sender's own in pings and pulls: whom one speaks to may not know one. */
  readonly rumors: readonly Rumor[]
}

/** Longest datagram, in bytes: IPv6 carries at least 1,280 over every link, of which 48 are headers. */
export const MAX_DATAGRAM = 1232
/** What sealing adds (seal.ts). */
export const SEAL_BYTES = 46
/** What a packet occupies at most beside its news and records: kinds, numbers, the longest message without records. */
const BASE_BYTES = 120
/** Room for news in a packet, and for a page's records. */
export const ROOM = MAX_DATAGRAM - SEAL_BYTES - BASE_BYTES

/** Longest name and address of a server, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255
export const MAX_ADDRESS_BYTES = 64

/** What a rumor or record occupies at most, in bytes. */
export function sizeOf(rumor: ServerRecord): number {
  if (rumor.kind !== 'alive' && rumor.kind !== 'lost') return 34
  const { name, address } = rumor.info
  // A char is at most 3 bytes of UTF-8.
  return 46 + Math.min(MAX_NAME_BYTES, 3 * name.length) + address.length
}
