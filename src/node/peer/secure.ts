/**
 * Sockets between servers and clients: TLS 1.3 with an external pre-shared key (RFC 8446, 2.2 and 4.2.11), or plain TCP on
 * loopback. No certificates: whoever proves the key belongs to the circuit.
 */
import { constants } from 'node:crypto'
import {
  connect as connectPlain,
  createServer as createPlainServer,
  type Server,
  type Socket,
} from 'node:net'
import {
  connect as connectTls,
  createSecureContext,
  createServer as createTlsServer,
  type TLSSocket,
} from 'node:tls'
import { CircuitError } from '../../proto/errors.ts'
import type { Key } from './key.ts'

const PROTOCOL = 'circuit/1'
/** OpenSSL 3.0 binds external keys to SHA-256: of the TLS 1.3 suites only those with it work. */
const CIPHER = 'TLS_AES_128_GCM_SHA256'
/** How long a connection may take to be made, in ms. */
export const HANDSHAKE_MS = 5000

/** What the types of Node lack: the session is a pre-shared key's. */
const isByKey = (socket: TLSSocket): boolean => socket.isSessionReused() && socket.getProtocol() === 'TLSv1.3'

const common = { minVersion: 'TLSv1.3', ciphers: CIPHER, ALPNProtocols: [PROTOCOL] } as const

/** Made once; no certificate is trusted, so that a server without the key can't come in with one. */
const noCertificates = createSecureContext({ minVersion: 'TLSv1.3', ciphers: CIPHER, ca: [] })

/** Connections that may be open at a time, some 40 KiB each; descriptors, too, are not without number. */
const MAX_CONNECTIONS = 4096

/** Calls with each connection that has proved the key, or, without keys, with each one. */
export function listenSocket(
  keys: readonly Key[],
  onSocket: (socket: Socket) => void,
  onRefused: (why: string) => void,
  most = MAX_CONNECTIONS,
): Server {
  const server =
    keys.length === 0
      ? createPlainServer({ noDelay: true }, onSocket)
      : listenSecurely(keys, onSocket, onRefused)
  server.maxConnections = most
  server.on('drop', (dropped) =>
    onRefused(`${dropped?.remoteAddress ?? 'somebody'}: ${most} connections are open already`),
  )
  return server
}

function listenSecurely(
  keys: readonly Key[],
  onSocket: (socket: Socket) => void,
  onRefused: (why: string) => void,
): Server {
  const server = createTlsServer({
    ...common,
    noDelay: true,
    handshakeTimeout: HANDSHAKE_MS,
    // A session ticket would outlive its key.
    secureOptions: constants.SSL_OP_NO_TICKET,
    pskCallback: (_socket, id) => keys.find((key) => key.id === id)?.secret ?? null,
  })
  server.on('secureConnection', (socket) => {
    if (isByKey(socket)) return onSocket(socket)
    onRefused(`${socket.remoteAddress} did not prove the key`)
    socket.destroy()
  })
  server.on('tlsClientError', (error, socket) => {
    onRefused(`${socket.remoteAddress ?? 'somebody'}: ${error.message}`)
    // Node itself leaves the socket open when it is the handshake's time that is over.
    socket.destroy()
  })
  return server
}

/** Connects, with the first key. @throws CircuitError EHOSTDOWN, ETIMEDOUT (also when it is given up), EACCES */
export function dialSocket(
  host: string,
  port: number,
  keys: readonly Key[],
  signal?: AbortSignal,
): Promise<Socket> {
  const [key] = keys
  return new Promise((resolve, reject) => {
    const where = `${host}:${port}`
    const giveUp = (): void => refuse(new CircuitError('ETIMEDOUT', `${where} did not answer in time`))
    if (signal?.aborted)
      throw new CircuitError('ETIMEDOUT', `${where} was not dialled: there was no time left`)
    signal?.addEventListener('abort', giveUp)
    const socket = key
      ? connectTls({
          ...common,
          host,
          port,
          secureContext: noCertificates,
          pskCallback: () => ({ psk: key.secret, identity: key.id }),
          checkServerIdentity: () => undefined,
        })
      : connectPlain({ host, port })
    const refuse = (error: CircuitError): void => {
      clearTimeout(deadline)
      signal?.removeEventListener('abort', giveUp)
      socket.destroy()
      reject(error)
    }
    const deadline = setTimeout(
      () => refuse(new CircuitError('ETIMEDOUT', `${where} did not answer within ${HANDSHAKE_MS / 1000} s`)),
      HANDSHAKE_MS,
    )
    socket.setNoDelay(true)
    socket.once('error', (error: NodeJS.ErrnoException) => refuse(explain(error, where, key !== undefined)))
    socket.once('close', () =>
      refuse(
        new CircuitError(
          'EHOSTDOWN',
          `${where} closed the connection${key ? ': does it have another key?' : ''}`,
        ),
      ),
    )
    socket.once(key ? 'secureConnect' : 'connect', () => {
      if (key && !isByKey(socket as TLSSocket))
        return refuse(new CircuitError('EACCES', `${where} did not prove the key`))
      clearTimeout(deadline)
      signal?.removeEventListener('abort', giveUp)
      socket.removeAllListeners('error').removeAllListeners('close')
      resolve(socket)
    })
  })
}

/** What comes of a system call is about reaching the other side; anything else is about the key. */
function explain(error: NodeJS.ErrnoException, where: string, secure: boolean): CircuitError {
  const aboutKey = secure && (error.syscall === undefined || error.code === 'ECONNRESET')
  const why = aboutKey
    ? `the key is not the one of ${where}, or it has none (${error.code ?? error.message})`
    : `can't reach ${where}: ${error.message}`
  return new CircuitError(aboutKey ? 'EACCES' : 'EHOSTDOWN', why, { cause: error })
}
