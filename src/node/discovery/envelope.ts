/**
 * Calls and answers of discovery as datagrams: AES-256-GCM under a key derived from the circuit's for nothing else, with a random
 * nonce each (they are few: NIST SP 800-38D allows 2^32 under one key). Where no key is used they are in the clear.
 *
 * Layout: version u8, sealed u8, first 4 bytes of the key's name; then nonce (12 bytes), content, tag (16 bytes), or the content.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { circuit } from '../../proto/circuit.pb.js'
import { isServerId } from '../../proto/path.ts'
import { parseUrl } from '../../proto/url.ts'
import type { Key } from '../peer/key.ts'

/** What is called out, or answered. */
export interface Beacon {
  /** 16 random bytes of the call, in hexadecimal; its answers repeat them: an old answer is worth nothing. */
  readonly nonce: string
  readonly answer: boolean
  /** X and 16 digits; empty: a client. */
  readonly id: string
  /** HOST:PORT, in an answer. */
  readonly address: string
}

const VERSION = 2
const HINT_BYTES = 4
const HEADER_BYTES = 2 + HINT_BYTES
const IV_BYTES = 12
const TAG_BYTES = 16
const NONCE_BYTES = 16
const MAX_BYTES = 512
const CIPHER = 'aes-256-gcm'

export const newNonce = (): string => randomBytes(NONCE_BYTES).toString('hex')

export function wrap({ nonce, answer, id, address }: Beacon, keys: readonly Key[]): Buffer {
  const [key] = keys
  const content = circuit.Beacon.encode({
    nonce: Buffer.from(nonce, 'hex'),
    answer,
    id: Buffer.from(id.slice(1), 'hex'),
    address,
  }).finish()
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = VERSION
  header[1] = key ? 1 : 0
  if (key === undefined) return Buffer.concat([header, content])
  header.write(key.id.slice(0, 2 * HINT_BYTES), 2, 'hex')
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key.discovery, iv).setAAD(header)
  return Buffer.concat([header, iv, cipher.update(content), cipher.final(), cipher.getAuthTag()])
}

/** What a datagram says; undefined for one that is nothing of this circuit's. */
export function unwrap(datagram: Buffer, keys: readonly Key[]): Beacon | undefined {
  if (datagram.length > MAX_BYTES || datagram.length < HEADER_BYTES || datagram[0] !== VERSION)
    return undefined
  if ((datagram[1] === 1) !== keys.length > 0) return undefined
  try {
    return decode(keys.length > 0 ? decipher(datagram, keys) : datagram.subarray(HEADER_BYTES))
  } catch {
    return undefined
  }
}

function decipher(datagram: Buffer, keys: readonly Key[]): Buffer {
  const hint = datagram.toString('hex', 2, HEADER_BYTES)
  const key = keys.find(({ id }) => id.startsWith(hint))
  const start = HEADER_BYTES + IV_BYTES
  const end = datagram.length - TAG_BYTES
  if (key === undefined || end < start) throw new Error('not for this circuit')
  const decipher = createDecipheriv(CIPHER, key.discovery, datagram.subarray(HEADER_BYTES, start), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(datagram.subarray(0, HEADER_BYTES)).setAuthTag(datagram.subarray(end))
  return Buffer.concat([decipher.update(datagram.subarray(start, end)), decipher.final()])
}

/** @throws Error when it is no beacon */
function decode(content: Buffer): Beacon {
  const beacon = circuit.Beacon.decode(content)
  const nonce = Buffer.from(beacon.nonce ?? []).toString('hex')
  const hex = Buffer.from(beacon.id ?? []).toString('hex')
  const id = hex && `X${hex}`
  const { answer = false, address = '' } = beacon
  if (nonce.length !== 2 * NONCE_BYTES || (id && !isServerId(id))) throw new Error('no beacon')
  if (answer) parseUrl(address ?? '')
  return { nonce, answer: answer === true, id, address: address ?? '' }
}
