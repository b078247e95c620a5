/** Connections to other servers, made when they are needed, and this one's own door. Who is a member, node/members.ts knows. */
import type { AddressInfo, Socket, Server as SocketServer } from 'node:net'
import { CircuitError } from '../../proto/errors.ts'
import { parseUrl } from '../../proto/url.ts'
import type { Namespace } from '../namespace.ts'
import type { Connection } from './connection.ts'
import { greet, type Hello } from './greeting.ts'
import type { Key } from './key.ts'
import { RemoteTree } from './remote.ts'
import { dialSocket, listenSocket } from './secure.ts'
import { Service } from './service.ts'

export interface PeersOptions {
  /** Keys that are accepted; the first one is used to dial. None: plaintext. */
  readonly keys: readonly Key[]
  /** What this server says of itself. */
  readonly hello: () => Hello & { readonly id: string }
  /** This server's own tree, which other servers see. */
  readonly tree: Namespace
  /** The whole circuit, which clients see. */
  readonly circuit: () => Namespace
  /** The last connection with a server broke, or could not be made. */
  readonly onBroken: (id: string) => void
  readonly log: (text: string) => void
}

/** Another server, as far as connections go. */
interface Peer {
  readonly id: string
  readonly address: string
  dialling: Promise<Connection> | undefined
  /** Ends the wait for a connection. */
  readonly giveUp: (error: CircuitError) => void
  readonly givenUp: Promise<never>
}

export class Peers {
  readonly #options: PeersOptions
  /** Open connections of each server, whoever dialled. */
  readonly #connections = new Map<string, Set<Connection>>()
  readonly #peers = new Map<string, Peer>()
  #listener: SocketServer | undefined
  #closed = false

  constructor(options: PeersOptions) {
    this.#options = options
  }

  /** Opens the door; says at which port. @throws Error when the address is not to be had */
  listen(host: string, port: number): Promise<number> {
    const listener = listenSocket(this.#options.keys, (socket) => this.#accept(socket), this.#options.log)
    this.#listener = listener
    return new Promise((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(port, host, () => {
        listener.off('error', reject)
        resolve((listener.address() as AddressInfo).port)
      })
    })
  }

  /** Closes the door; connections stay. */
  unlisten(): void {
    this.#listener?.close()
  }

  /** Another server's tree, over a connection that is made when it is first used. */
  tree(id: string, address: string): Namespace {
    let giveUp: Peer['giveUp'] = () => {}
    const givenUp = new Promise<never>((_resolve, reject) => {
      giveUp = reject
    })
    // It may be that nobody waits.
    givenUp.catch(() => {})
    const peer: Peer = { id, address, dialling: undefined, giveUp, givenUp }
    this.#peers.set(id, peer)
    return new RemoteTree(() => this.#connect(peer))
  }

  /** Dials a URL, to learn which server is there. @throws CircuitError when it can't be reached */
  async meet(url: string): Promise<Hello> {
    const { host, port, id } = parseUrl(url)
    const { hello } = await this.#dial(host, port, id)
    return hello
  }

  /** A server is lost or has left: whoever waits for it is told. */
  drop(id: string, error: CircuitError): void {
    this.#peers.get(id)?.giveUp(error)
    this.#peers.delete(id)
    for (const connection of this.#connections.get(id) ?? []) connection.close(error)
  }

  close(): void {
    this.#closed = true
    this.unlisten()
    const error = new CircuitError('EHOSTDOWN', 'this server stops')
    for (const connections of this.#connections.values())
      for (const connection of connections) connection.close(error)
  }

  #accept(socket: Socket): void {
    this.#greet(socket, false, undefined).catch((error: Error) =>
      this.#options.log(`refused ${socket.remoteAddress}: ${error.message}`),
    )
  }

  #connect(peer: Peer): Promise<Connection> {
    const open = [...(this.#connections.get(peer.id) ?? [])].find(({ leaving }) => !leaving)
    if (open) return Promise.resolve(open)
    if (this.#peers.get(peer.id) !== peer) return peer.givenUp
    const { host, port } = parseUrl(peer.address)
    peer.dialling ??= this.#dial(host, port, peer.id)
      .then(({ connection }) => connection)
      .catch((error: unknown) => {
        this.#options.onBroken(peer.id)
        throw error
      })
      .finally(() => {
        peer.dialling = undefined
      })
    return Promise.race([peer.dialling, peer.givenUp])
  }

  async #dial(host: string, port: number, id: string | undefined): ReturnType<typeof greet> {
    const socket = await dialSocket(host, port, this.#options.keys)
    return this.#greet(socket, true, id)
  }

  #greet(socket: Socket, dialled: boolean, expected: string | undefined): ReturnType<typeof greet> {
    return greet(socket, {
      dialled,
      hello: this.#options.hello(),
      expected,
      onGreeted: ({ id, name }, connection) => {
        if (id) this.#add(id, connection)
        const { tree, circuit } = this.#options
        const service = id ? new Service(tree, name || id) : new Service(circuit(), 'client')
        return (stream, first) => service.serve(stream, first)
      },
      onClosed: ({ id }, connection) => {
        if (id) this.#remove(id, connection)
      },
    })
  }

  #add(id: string, connection: Connection): void {
    const connections = this.#connections.get(id) ?? new Set()
    this.#connections.set(id, connections.add(connection))
  }

  #remove(id: string, connection: Connection): void {
    const connections = this.#connections.get(id)
    connections?.delete(connection)
    if (connections === undefined || connections.size > 0) return
    this.#connections.delete(id)
    if (!this.#closed) this.#options.onBroken(id)
  }
}
