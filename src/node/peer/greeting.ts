/**
 * How two sides of a connection get to know each other: both say hello first, and each examines what the other says before
 * any call is served. Servers greet each other with it, and clients greet servers.
 */
import type { Socket } from 'node:net'
import type { circuit } from '../../proto/circuit.pb.js'
import { CircuitError } from '../../proto/errors.ts'
import { isServerId } from '../../proto/path.ts'
import { VERSION } from '../version.ts'
import { Connection, type Control, type Stream } from './connection.ts'
import { HANDSHAKE_MS } from './secure.ts'

/** Versions of the protocol: another major is refused, a newer minor is not. */
export const PROTOCOL_MAJOR = 1
export const PROTOCOL_MINOR = 0

export type Hello = circuit.Hello.$Properties

/** Answers a call of the other side, from its first message on. */
export type Serve = (stream: Stream, first: Control) => void

export interface Greeting {
  /** This side dialled. */
  readonly dialled: boolean
  /** What this side says of itself, beside its versions; without an id it is a client. */
  readonly hello: Hello
  /** The server that must be there; undefined: whichever is. */
  readonly expected: string | undefined
  /** The other side is as it should be, and may call from now on: who serves it? */
  readonly onGreeted: (hello: Hello, connection: Connection) => Serve
  /** A connection that had been greeted has closed. */
  readonly onClosed: (hello: Hello, connection: Connection) => void
}

/** What came of it: an open connection, and who is on its other side. */
export interface Greeted {
  readonly connection: Connection
  readonly hello: Hello
}

/** @throws CircuitError EACCES, EPROTO, EHOSTDOWN, ETIMEDOUT when the other side is not who it should be, or silent */
export function greet(socket: Socket, greeting: Greeting): Promise<Greeted> {
  return new Promise((resolve, reject) => {
    let serve: Serve | undefined
    let other: Hello | undefined
    const connection = new Connection(socket, {
      dialled: greeting.dialled,
      onStream: (stream, first) => serve?.(stream, first),
      onHello: (hello) => {
        clearTimeout(deadline)
        const refusal = other ? new CircuitError('EPROTO', 'it said hello twice') : examine(hello, greeting)
        if (refusal) return connection.close(refusal)
        other = hello
        // At once: its first calls may have come with its hello.
        serve = greeting.onGreeted(hello, connection)
        resolve({ connection, hello })
      },
      onClose: (error) => {
        clearTimeout(deadline)
        reject(error)
        if (other) greeting.onClosed(other, connection)
      },
    })
    const deadline = setTimeout(
      () => connection.close(new CircuitError('ETIMEDOUT', 'it did not say hello')),
      HANDSHAKE_MS,
    )
    connection.hello({ major: PROTOCOL_MAJOR, minor: PROTOCOL_MINOR, version: VERSION, ...greeting.hello })
  })
}

function examine({ major, id }: Hello, { hello: own, expected }: Greeting): CircuitError | undefined {
  if (major !== PROTOCOL_MAJOR)
    return new CircuitError(
      'EPROTO',
      `the other side speaks version ${major} of the protocol, this one ${PROTOCOL_MAJOR}`,
    )
  // A handshake that is sent back to its sender proves the key too (the "Selfie" attack).
  if (id && id === own.id) return new CircuitError('EACCES', 'this server was dialled by itself')
  if (id && !isServerId(id)) return new CircuitError('EPROTO', `${JSON.stringify(id)} is no server`)
  if (!id && !own.id) return new CircuitError('EACCES', 'a client was dialled by a client')
  if (expected !== undefined && id !== expected)
    return new CircuitError('EHOSTDOWN', `the server there is ${id}, not ${expected}`)
  return undefined
}
