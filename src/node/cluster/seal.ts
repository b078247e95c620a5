/**
 * Datagrams that only servers with the circuit's key can read and make, each for one server and once.
 *
 * Layout: version u8, sealed u8, first 4 bytes of the key's name, recipient (8 bytes), sender (8), number u64 big-endian; then
 * the content, under AES-256-GCM with all before it authenticated, and a tag of 16 bytes. Where no key is used (loopback, --insecure) the content is in the clear and
 * there is no tag.
 *
 * - Each sender has a key of its own, derived (HKDF) from the circuit's and its identity, which is random and new at every start, and
 *   numbers its datagrams: so no nonce is ever used twice under one key.
 * - A datagram names its recipient: it is worth nothing to another server, or to the same one started again.
 * - A recipient takes each number of a sender once. It remembers more senders than there can be members; one that is
 *   forgotten nevertheless could only be replayed news of an identity that never comes back.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Key } from '../peer/key.ts'
import { decodeId, encodeId } from './codec.ts'
import { MAX_DATAGRAM } from './messages.ts'
import { ReplayWindow } from './replay.ts'

const VERSION = 1
const HEADER_BYTES = 30
const TAG_BYTES = 16
const HINT_BYTES = 4
const CIPHER = 'aes-256-gcm'
/** About 300 bytes each. */
const MAX_SENDERS = 65_536

/** Why a datagram is dropped. */
export const REFUSALS = ['garbage', 'recipient', 'key', 'forged', 'replayed'] as const
export type Refusal = (typeof REFUSALS)[number]

export class Refused extends Error {
  readonly reason: Refusal

  constructor(reason: Refusal) {
    super(`datagram dropped: ${reason}`)
    this.reason = reason
  }
}

interface Sender {
  readonly id: string
  /** Undefined where no key is used. */
  readonly secret: Buffer | undefined
  readonly window: ReplayWindow
}

export class Seal {
  readonly #self: Uint8Array
  /** The first one seals; all open. */
  readonly #keys: readonly Key[]
  readonly #own: Buffer | undefined
  /** Of this server's datagrams; recipient and number are filled in. */
  readonly #header: Buffer
  readonly #senders = new Map<string, Sender>()
  #number = 0

  constructor(self: string, keys: readonly Key[]) {
    this.#self = encodeId(self)
    this.#keys = keys
    const [key] = keys
    this.#own = key && secretOf(key, this.#self)
    this.#header = Buffer.alloc(HEADER_BYTES)
    this.#header[0] = VERSION
    this.#header[1] = key ? 1 : 0
    if (key) this.#header.write(key.id.slice(0, 2 * HINT_BYTES), 2, 'hex')
    this.#header.set(this.#self, 14)
  }

  /** A datagram for one server. */
  seal(to: string, content: Uint8Array): Buffer {
    const key = this.#own
    const datagram = Buffer.allocUnsafe(HEADER_BYTES + content.length + (key ? TAG_BYTES : 0))
    datagram.set(this.#header)
    datagram.set(encodeId(to), 6)
    writeNumber(datagram, ++this.#number)
    if (key === undefined) {
      datagram.set(content, HEADER_BYTES)
      return datagram
    }
    const header = datagram.subarray(0, HEADER_BYTES)
    const cipher = createCipheriv(CIPHER, key, nonceOf(header)).setAAD(header)
    datagram.set(cipher.update(content), HEADER_BYTES)
    cipher.final()
    datagram.set(cipher.getAuthTag(), HEADER_BYTES + content.length)
    return datagram
  }

  /** Who sent it and what. @throws Refused */
  open(datagram: Buffer): { from: string; content: Buffer } {
    if (datagram.length < HEADER_BYTES || datagram.length > MAX_DATAGRAM || datagram[0] !== VERSION)
      throw new Refused('garbage')
    const header = datagram.subarray(0, HEADER_BYTES)
    if (!header.subarray(6, 14).equals(this.#self)) throw new Refused('recipient')
    const id = header.subarray(14, 22)
    const number = readNumber(header)
    if (!Number.isSafeInteger(number)) throw new Refused('garbage')
    // The key is part of the name: after a rotation a sender's datagrams are sealed with another.
    const name = header.toString('latin1', 1, 6) + id.toString('latin1')
    const sender = this.#senders.get(name) ?? this.#meet(header, id)
    if (!sender.window.isNew(number)) throw new Refused('replayed')
    const content = this.#content(sender, header, datagram.subarray(HEADER_BYTES))
    sender.window.add(number)
    this.#remember(name, sender)
    return { from: sender.id, content }
  }

  #meet(header: Buffer, id: Buffer): Sender {
    const sealed = header[1] === 1
    if (sealed !== this.#keys.length > 0) throw new Refused('key')
    const common = { id: decodeId(id), window: new ReplayWindow() }
    if (!sealed) return { ...common, secret: undefined }
    const hint = header.toString('hex', 2, 2 + HINT_BYTES)
    const key = this.#keys.find((key) => key.id.startsWith(hint))
    if (key === undefined) throw new Refused('key')
    return { ...common, secret: secretOf(key, id) }
  }

  #content({ secret }: Sender, header: Buffer, rest: Buffer): Buffer {
    if (secret === undefined) return rest
    if (rest.length < TAG_BYTES) throw new Refused('garbage')
    const decipher = createDecipheriv(CIPHER, secret, nonceOf(header), { authTagLength: TAG_BYTES })
    decipher.setAAD(header).setAuthTag(rest.subarray(rest.length - TAG_BYTES))
    try {
      return Buffer.concat([decipher.update(rest.subarray(0, rest.length - TAG_BYTES)), decipher.final()])
    } catch {
      throw new Refused('forged')
    }
  }

  /** Only who is authentic gets here: nobody without the key can make it remember. */
  #remember(name: string, sender: Sender): void {
    if (this.#senders.has(name)) return
    this.#senders.set(name, sender)
    for (const [oldest] of this.#senders) {
      if (this.#senders.size <= MAX_SENDERS) break
      this.#senders.delete(oldest)
    }
  }
}

function writeNumber(header: Buffer, number: number): void {
  header.writeUInt32BE(Math.floor(number / 2 ** 32), 22)
  header.writeUInt32BE(number >>> 0, 26)
}

const readNumber = (header: Buffer): number => header.readUInt32BE(22) * 2 ** 32 + header.readUInt32BE(26)

function nonceOf(header: Buffer): Buffer {
  const nonce = Buffer.alloc(12)
  header.copy(nonce, 4, 22, 30)
  return nonce
}

const secretOf = ({ datagrams }: Key, sender: Uint8Array): Buffer =>
  Buffer.from(hkdfSync('sha256', datagrams, sender, 'circuit/1 sender', 32))
