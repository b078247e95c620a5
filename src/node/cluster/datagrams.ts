/** The UDP socket that membership speaks through: seals what goes out, opens what comes in, and counts what it drops. */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { parseUrl } from '../../proto/url.ts'
import type { Cancel } from '../handle.ts'
import type { Metric } from '../metrics.ts'
import type { Key } from '../peer/key.ts'
import { decodePacket, encodePacket } from './codec.ts'
import type { Destination, Packet } from './messages.ts'
import { REFUSALS, type Refusal, Refused, Seal } from './seal.ts'

/** Bytes of datagrams that the kernel keeps while this process does not run. */
const RECEIVE_BUFFER = 1 << 20
/** How long a host has to say that nobody is at a port. */
const KNOCK_MS = 1000

export interface DatagramsOptions {
  readonly id: string
  readonly keys: readonly Key[]
  readonly onPacket: (from: string, packet: Packet) => void
}

export class Datagrams {
  readonly #seal: Seal
  readonly #onPacket: DatagramsOptions['onPacket']
  readonly #dropped: Record<Refusal, number> = { garbage: 0, recipient: 0, key: 0, forged: 0, replayed: 0 }
  #socket: Socket | undefined
  #received = 0
  #sent = 0
  #unsent = 0

  constructor({ id, keys, onPacket }: DatagramsOptions) {
    this.#seal = new Seal(id, keys)
    this.#onPacket = onPacket
  }

  /** @throws Error when the port is not to be had */
  bind(host: string, port: number): Promise<void> {
    const family = isIPv6(host) ? 6 : 4
    const socket = createSocket({
      type: `udp${family}`,
      recvBufferSize: RECEIVE_BUFFER,
      // Members have addresses, not names: to look those up would cost more than to send.
      lookup: (address, _options, found) => found(null, address, family),
    })
    return new Promise((resolve, reject) => {
      socket.once('error', (error) => {
        socket.close()
        reject(error)
      })
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.removeAllListeners('error')
        // What the network says of single datagrams, probes find out.
        socket.on('error', () => {})
        socket.on('message', (bytes) => this.#receive(bytes))
        this.#socket = socket
        resolve()
      })
    })
  }

  close(): void {
    this.#socket?.close()
    this.#socket = undefined
  }

  send({ id, address }: Destination, packet: Packet): void {
    const socket = this.#socket
    if (socket === undefined) return
    this.#sent++
    const { host, port } = parseUrl(address)
    const fail = (error: Error | null): void => {
      if (error) this.#unsent++
    }
    try {
      socket.send(this.#seal.seal(id, encodePacket(packet)), port, host, fail)
    } catch (error) {
      fail(error as Error)
    }
  }

  /** Calls when an address's host answers that nobody is at the port (ICMP, which only a connected socket hears of). */
  knock({ address }: Destination, refused: () => void): Cancel {
    const { host, port } = parseUrl(address)
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
    const timer = setTimeout(() => close(), KNOCK_MS).unref()
    const close = (): void => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => {})
      try {
        socket.close()
      } catch {
        // It has been closed.
      }
    }
    socket.on('error', (error: NodeJS.ErrnoException) => {
      close()
      if (error.code === 'ECONNREFUSED') refused()
    })
    socket.on('connect', () => socket.send(new Uint8Array(0)))
    socket.connect(port, host)
    return close
  }

  metrics(): readonly Metric[] {
    return [
      {
        name: 'datagrams_sent_total',
        type: 'counter',
        help: 'Datagrams of membership sent.',
        value: this.#sent,
      },
      {
        name: 'datagrams_received_total',
        type: 'counter',
        help: 'Datagrams of membership received, those dropped too.',
        value: this.#received,
      },
      {
        name: 'datagrams_unsent_total',
        type: 'counter',
        help: 'Datagrams that the kernel did not take.',
        value: this.#unsent,
      },
      {
        name: 'datagrams_dropped_total',
        type: 'counter',
        help: `Datagrams dropped, by reason: ${REFUSALS.join(', ')}.`,
        value: { label: 'reason', values: this.#dropped },
      },
    ]
  }

  #receive(bytes: Buffer): void {
    // A knock.
    if (bytes.length === 0) return
    this.#received++
    try {
      const { from, content } = this.#seal.open(bytes)
      this.#onPacket(from, readPacket(content))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.#dropped[error.reason]++
    }
  }
}

function readPacket(content: Buffer): Packet {
  try {
    return decodePacket(content)
  } catch {
    throw new Refused('garbage')
  }
}
