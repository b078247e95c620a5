/** Calls out to a multicast group, and hears who answers. Both servers and clients do. */
import { createSocket, type Socket } from 'node:dgram'
import type { Key } from '../peer/key.ts'
import { newNonce, unwrap, wrap } from './envelope.ts'

export interface Group {
  /** IPv4 multicast address. */
  readonly address: string
  readonly port: number
}

export interface Found {
  readonly id: string
  /** HOST:PORT */
  readonly address: string
}

export interface CallerOptions {
  readonly group: Group
  /** Addresses of this host: calls go out on their interfaces, and nowhere else. */
  readonly interfaces: readonly string[]
  readonly keys: readonly Key[]
  /** Who calls; empty: a client. */
  readonly id: string
  readonly onFound: (found: Found) => void
}

/** Calls stay within the network of an interface. */
const HOPS = 1
/** Calls whose answers may still come. */
const MAX_NONCES = 16

export class Caller {
  readonly #options: CallerOptions
  readonly #sockets: Socket[] = []
  #nonces: string[] = []
  /** The last call, for interfaces that were not ready for it. */
  #last: Buffer | undefined
  #closed = false

  constructor(options: CallerOptions) {
    this.#options = options
    for (const address of options.interfaces) this.#open(address)
  }

  /** Calls once, on every interface. */
  call(): void {
    const { keys, id } = this.#options
    const nonce = newNonce()
    this.#nonces = [...this.#nonces, nonce].slice(-MAX_NONCES)
    this.#last = wrap({ nonce, answer: false, id, address: '' }, keys)
    for (const socket of this.#sockets) this.#send(socket, this.#last)
  }

  #send(socket: Socket, call: Buffer): void {
    const { port, address } = this.#options.group
    // Where a network is down nobody is called.
    socket.send(call, port, address, () => {})
  }

  close(): void {
    this.#closed = true
    for (const socket of this.#sockets.splice(0)) socket.close()
  }

  #open(address: string): void {
    const socket = createSocket('udp4').unref()
    // An interface may go while the server runs.
    socket.on('error', () => {})
    socket.on('message', (datagram) => this.#receive(datagram))
    socket.bind(0, address, () => {
      if (this.#closed) return socket.close()
      socket.setMulticastInterface(address)
      socket.setMulticastTTL(HOPS)
      this.#sockets.push(socket)
      if (this.#last) this.#send(socket, this.#last)
    })
  }

  #receive(datagram: Buffer): void {
    const beacon = unwrap(datagram, this.#options.keys)
    if (beacon?.answer && beacon.id && this.#nonces.includes(beacon.nonce)) this.#options.onFound(beacon)
  }
}
