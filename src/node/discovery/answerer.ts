/** Hears calls of a multicast group, and answers some: few servers answer one call, however many there are. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Key } from '../peer/key.ts'
import type { Group } from './caller.ts'
import { type Beacon, unwrap, wrap } from './envelope.ts'

export interface AnswererOptions {
  readonly group: Group
  /** Addresses of this host: calls are heard on their interfaces. */
  readonly interfaces: readonly string[]
  readonly keys: readonly Key[]
  readonly self: () => { readonly id: string; readonly address: string }
  /** How many servers could answer. */
  readonly size: () => number
  /** Whether a server is in this circuit already. */
  readonly knows: (id: string) => boolean
}

/** Servers that answer a call, in the mean. */
const ANSWERS = 4
/** Nonces of calls that are remembered, so that a call that is sent again is not answered again. */
const MAX_HEARD = 4096
/** Answers a second, at most: a storm of calls, or of forged ones where no key is used, costs no more. */
const MAX_RATE = 50

export class Answerer {
  readonly #options: AnswererOptions
  readonly #heard = new Set<string>()
  #socket: Socket | undefined
  #second = 0
  #answers = 0

  constructor(options: AnswererOptions) {
    this.#options = options
  }

  /** @throws Error when the port or the group is not to be had */
  start(): Promise<void> {
    const { group, interfaces } = this.#options
    // Every server of a host hears the calls.
    const socket = createSocket({ type: 'udp4', reuseAddr: true }).unref()
    this.#socket = socket
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      // Bound to the group: what comes to the port by another way is none of ours.
      socket.bind(group.port, group.address, () => {
        try {
          for (const address of interfaces) socket.addMembership(group.address, address)
        } catch (error) {
          socket.close()
          return reject(error)
        }
        socket.off('error', reject)
        socket.on('error', () => {})
        socket.on('message', (datagram, from) => this.#receive(datagram, from))
        resolve()
      })
    })
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  #receive(datagram: Buffer, from: RemoteInfo): void {
    const beacon = unwrap(datagram, this.#options.keys)
    if (beacon === undefined || beacon.answer || !this.#isNew(beacon)) return
    if (beacon.id && this.#options.knows(beacon.id)) return
    if (Math.random() * this.#options.size() >= ANSWERS || !this.#mayAnswer()) return
    const { id, address } = this.#options.self()
    const answer = wrap({ nonce: beacon.nonce, answer: true, id, address }, this.#options.keys)
    this.#socket?.send(answer, from.port, from.address, () => {})
  }

  #isNew({ nonce }: Beacon): boolean {
    if (this.#heard.has(nonce)) return false
    this.#heard.add(nonce)
    for (const oldest of this.#heard) {
      if (this.#heard.size <= MAX_HEARD) break
      this.#heard.delete(oldest)
    }
    return true
  }

  #mayAnswer(): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#second) this.#answers = 0
    this.#second = second
    return ++this.#answers <= MAX_RATE
  }
}
