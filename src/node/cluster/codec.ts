/** Datagrams' content as bytes and back: protobuf messages, checked for what protobuf can't say. */
import { circuit } from '../../proto/circuit.pb.js'
import { isServerId } from '../../proto/path.ts'
import { parseUrl } from '../../proto/url.ts'
import {
  type Info,
  MAX_ADDRESS_BYTES,
  MAX_NAME_BYTES,
  type Message,
  type Packet,
  type Rumor,
  type ServerRecord,
} from './messages.ts'

type News = circuit.ServerNews.$Properties
type Datagram = circuit.Datagram.$Properties
const { Kind } = circuit.ServerNews

const NO_BYTES = new Uint8Array(0)

export function encodePacket({ message, digest, rumors }: Packet): Uint8Array {
  const datagram = encodeMessage(message)
  datagram.digest = digest
  datagram.news = rumors.map(encodeNews)
  return circuit.Datagram.encode(datagram).finish()
}

/** @throws Error when the bytes are no packet */
export function decodePacket(bytes: Uint8Array): Packet {
  const datagram = circuit.Datagram.decode(bytes)
  const rumors = (datagram.news ?? []).map(decodeNews).filter((news): news is Rumor => news.kind !== 'lost')
  return { message: decodeMessage(datagram), digest: datagram.digest ?? 0, rumors }
}

function encodeMessage(message: Message): Datagram {
  switch (message.kind) {
    case 'ping':
      return { ping: { seq: message.seq } }
    case 'ack':
      return { ack: { seq: message.seq } }
    case 'nack':
      return { nack: { seq: message.seq } }
    case 'indirect': {
      const { seq, target, patience } = message
      return {
        indirect: {
          seq,
          target: encodeId(target.id),
          address: target.address,
          patience: Math.round(patience),
        },
      }
    }
    case 'gossip':
      return { gossip: {} }
    case 'pull':
      return { pull: { after: encodeCursor(message.after) } }
    case 'page': {
      const { after, next, records } = message
      return {
        page: { after: encodeCursor(after), next: encodeCursor(next), records: records.map(encodeNews) },
      }
    }
  }
}

function decodeMessage({ ping, ack, nack, indirect, gossip, pull, page }: Datagram): Message {
  if (ping) return { kind: 'ping', seq: ping.seq ?? 0 }
  if (ack) return { kind: 'ack', seq: ack.seq ?? 0 }
  if (nack) return { kind: 'nack', seq: nack.seq ?? 0 }
  if (indirect)
    return {
      kind: 'indirect',
      seq: indirect.seq ?? 0,
      target: { id: decodeId(indirect.target), address: checkAddress(indirect.address) },
      patience: Math.min(indirect.patience ?? 0, MAX_PATIENCE_MS),
    }
  if (gossip) return { kind: 'gossip' }
  if (pull) return { kind: 'pull', after: decodeCursor(pull.after) }
  if (page)
    return {
      kind: 'page',
      after: decodeCursor(page.after),
      next: decodeCursor(page.next),
      records: (page.records ?? []).map(decodeNews),
    }
  throw new Error('a datagram of no known kind')
}

/** For longer nobody waits for another's ping. */
const MAX_PATIENCE_MS = 60_000
const MAX_AGE_S = 2 ** 32 - 1

function encodeNews(news: ServerRecord): News {
  switch (news.kind) {
    case 'alive':
      return { kind: Kind.ALIVE, incarnation: news.incarnation, ...encodeInfo(news.info) }
    case 'lost': {
      const age = Math.min(MAX_AGE_S, Math.round(news.age / 1000))
      return { kind: Kind.LOST, incarnation: news.incarnation, age, ...encodeInfo(news.info) }
    }
    case 'suspect':
    case 'dead': {
      const { id, incarnation, from } = news
      const common = { id: encodeId(id), incarnation, from: encodeId(from) }
      if (news.kind === 'suspect') return { kind: Kind.SUSPECT, ...common }
      return { kind: Kind.DEAD, ...common, gone: news.gone }
    }
    case 'left':
      return { kind: Kind.LEFT, id: encodeId(news.id), incarnation: news.incarnation }
  }
}

function decodeNews(news: News): ServerRecord {
  const incarnation = news.incarnation ?? 0
  const id = decodeId(news.id)
  switch (news.kind) {
    case Kind.ALIVE:
      return { kind: 'alive', info: decodeInfo(id, news), incarnation }
    case Kind.LOST:
      return { kind: 'lost', info: decodeInfo(id, news), incarnation, age: (news.age ?? 0) * 1000 }
    case Kind.SUSPECT:
      return { kind: 'suspect', id, incarnation, from: decodeId(news.from) }
    case Kind.DEAD:
      return { kind: 'dead', id, incarnation, from: decodeId(news.from), gone: news.gone === true }
    case Kind.LEFT:
      return { kind: 'left', id, incarnation }
    default:
      throw new Error('news of no known kind')
  }
}

const encodeInfo = ({ id, name, address, since }: Info): News => ({ id: encodeId(id), name, address, since })

function decodeInfo(id: string, { name, address, since }: News): Info {
  if (!name || Buffer.byteLength(name) > MAX_NAME_BYTES || /[/\0]/.test(name))
    throw new Error('a server without a name that it can have')
  if (!Number.isFinite(since ?? 0)) throw new Error('a server from no time')
  return { id, name, address: checkAddress(address), since: since ?? 0 }
}

function checkAddress(address: string | null | undefined): string {
  if (!address || address.length > MAX_ADDRESS_BYTES || address.includes('/')) throw new Error('no address')
  parseUrl(address)
  return address
}

export const encodeId = (id: string): Uint8Array => Buffer.from(id.slice(1), 'hex')

export function decodeId(bytes: Uint8Array | null | undefined): string {
  const id = `X${Buffer.from(bytes ?? NO_BYTES).toString('hex')}`
  if (!isServerId(id)) throw new Error('no identity of a server')
  return id
}

const encodeCursor = (id: string): Uint8Array => (id === '' ? NO_BYTES : encodeId(id))
const decodeCursor = (bytes: Uint8Array | null | undefined): string =>
  bytes && bytes.length > 0 ? decodeId(bytes) : ''
