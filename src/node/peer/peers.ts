/** The other servers of the circuit: who they are, connections to them, made when they are needed, and this one's own door. */
import type { AddressInfo, Socket, Server as SocketServer } from 'node:net'
import type { circuit } from '../../proto/circuit.pb.js'
import { CircuitError } from '../../proto/errors.ts'
import { parseUrl } from '../../proto/url.ts'
import type { Member, Members } from '../circuit.ts'
import type { Namespace } from '../namespace.ts'
import type { Connection } from './connection.ts'
import { greet, type Hello } from './greeting.ts'
import type { Key } from './key.ts'
import { RemoteTree } from './remote.ts'
import { dialSocket, listenSocket } from './secure.ts'
import { Service } from './service.ts'

/** A server that can't be reached for so long is no member any more. */
const DROP_MS = 5000
const RETRY_MS = 500

export interface PeersOptions {
  readonly self: Omit<Member, 'address'>
  /** ms since 1970 */
  readonly started: number
  /** Keys that are accepted; the first one is used to dial. None: plaintext. */
  readonly keys: readonly Key[]
  /** The whole circuit, which clients see; servers only see this server's own tree. */
  readonly circuit: () => Namespace
  readonly log: (text: string) => void
}

interface Peer extends Member {
  connection: Connection | undefined
  dialling: Promise<Connection> | undefined
}

export class Peers implements Members {
  readonly self: Member
  readonly #options: PeersOptions
  readonly #peers = new Map<string, Peer>()
  #listener: SocketServer | undefined
  #address = ''
  #closed = false

  constructor(options: PeersOptions) {
    this.#options = options
    const address = (): string => this.#address
    this.self = {
      ...options.self,
      get address() {
        return address()
      },
    }
  }

  list(): readonly Member[] {
    return [this.self, ...this.#peers.values()]
  }

  get(id: string): Member | undefined {
    return id === this.self.id ? this.self : this.#peers.get(id)
  }

  /** Opens the door. @throws Error when the address is not to be had */
  listen(host: string, port: number): Promise<void> {
    const listener = listenSocket(this.#options.keys, (socket) => this.#accept(socket), this.#options.log)
    this.#listener = listener
    return new Promise((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(port, host, () => {
        const { port: bound } = listener.address() as AddressInfo
        this.#address = `${host.includes(':') ? `[${host}]` : host}:${bound}`
        listener.off('error', reject)
        resolve()
      })
    })
  }

  /**
   * Joins the circuit of a server, and so each server that it knows; one that is in this circuit already is left alone.
   * @throws CircuitError EINVAL, or why it can't be reached
   */
  async join(url: string): Promise<void> {
    const { host, port, id } = parseUrl(url)
    if (id === this.self.id || (id && this.#peers.get(id)?.connection)) return
    await this.#meet(host, port, id)
  }

  close(): void {
    this.#closed = true
    this.#listener?.close()
    for (const peer of this.#peers.values())
      peer.connection?.close(new CircuitError('EHOSTDOWN', 'this server stops'))
  }

  #accept(socket: Socket): void {
    this.#greet(socket, false, undefined).catch((error: Error) =>
      this.#options.log(`refused ${socket.remoteAddress}: ${error.message}`),
    )
  }

  async #meet(host: string, port: number, id: string | undefined): Promise<Connection> {
    const socket = await dialSocket(host, port, this.#options.keys)
    return this.#greet(socket, true, id)
  }

  async #greet(socket: Socket, dialled: boolean, expected: string | undefined): Promise<Connection> {
    const { connection } = await greet(socket, {
      dialled,
      hello: this.#hello(),
      expected,
      onGreeted: (hello, connection) => {
        if (hello.id) this.#know(hello, connection)
        const service = this.#serviceFor(hello)
        return (stream, first) => service.serve(stream, first)
      },
      onClosed: ({ id }, connection) => {
        if (id) this.#lost(id, connection)
      },
    })
    return connection
  }

  #hello(): Hello {
    const { self, started } = this.#options
    const peers = Array.from(this.#peers.values(), ({ id, name, address }) => ({ id, name, address }))
    return { id: self.id, name: self.name, address: this.#address, started, peers }
  }

  #serviceFor({ id, name }: Hello): Service {
    return id ? new Service(this.self.tree, name || id) : new Service(this.#options.circuit(), 'client')
  }

  #know(hello: Hello, connection: Connection): void {
    const { id = '', name = '', address = '', peers = [] } = hello as Required<Hello>
    const peer = this.#peers.get(id as string) ?? this.#add(id as string, name as string, address as string)
    if (peer.connection === undefined || peer.connection.error) peer.connection = connection
    for (const other of peers ?? []) this.#hearOf(other)
  }

  /** Another server's word for a server is enough to dial it, not to believe in it. */
  #hearOf({ id, address }: circuit.Peer.$Properties): void {
    if (!id || !address || id === this.self.id || this.#peers.has(id)) return
    const { host, port } = parseUrl(address)
    this.#meet(host, port, id).catch((error: Error) =>
      this.#options.log(`can't reach ${id} at ${address}: ${error.message}`),
    )
  }

  #add(id: string, name: string, address: string): Peer {
    const tree = new RemoteTree(() => this.#connect(peer))
    const peer: Peer = { id, name: name || id, address, tree, connection: undefined, dialling: undefined }
    this.#peers.set(id, peer)
    this.#options.log(`${peer.name} (${id}) joined`)
    return peer
  }

  async #connect(peer: Peer): Promise<Connection> {
    if (peer.connection && !peer.connection.error) return peer.connection
    const { host, port } = parseUrl(peer.address)
    peer.dialling ??= this.#meet(host, port, peer.id).finally(() => {
      peer.dialling = undefined
    })
    return peer.dialling
  }

  /** The connection broke: the server may have gone, or only the connection. */
  #lost(id: string, connection: Connection): void {
    const peer = this.#peers.get(id)
    if (peer?.connection !== connection) return
    peer.connection = undefined
    void this.#verify(peer, Date.now() + DROP_MS)
  }

  async #verify(peer: Peer, until: number): Promise<void> {
    while (!this.#closed && this.#peers.get(peer.id) === peer && !peer.connection) {
      try {
        await this.#connect(peer)
      } catch {
        if (Date.now() > until) return this.#drop(peer)
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref())
      }
    }
  }

  #drop(peer: Peer): void {
    this.#peers.delete(peer.id)
    this.#options.log(`${peer.name} (${peer.id}) left`)
  }
}
