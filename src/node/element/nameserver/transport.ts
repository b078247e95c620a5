/** DNS on an address, over UDP and TCP (RFC 1035 section 4.2, RFC 7766). */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server, type Socket } from 'node:net'
import { type Address, formatAddress } from '../../../proto/address.ts'
import { asCircuitError, CircuitError } from '../../../proto/errors.ts'
import { GrowingBuffer } from '../../../proto/growing-buffer.ts'

/** TCP connections at a time; for one more the oldest has to go. */
const MAX_CONNECTIONS = 256
/** A connection on which nothing moves for so long is closed. */
const IDLE_MS = 10_000
/** Free ports that are tried: one has to be free for UDP and for TCP. */
const ATTEMPTS = 20

export type Respond = (query: Buffer, over: 'udp' | 'tcp') => Buffer | undefined

export interface Transport {
  readonly address: Address
  close(): void
}

/** Opens both doors; port 0 is any that is free. @throws CircuitError EADDRINUSE, EADDRNOTAVAIL, EACCES */
export async function listen(address: Address, respond: Respond): Promise<Transport> {
  for (let attempt = 1; ; attempt++) {
    const udp = await openUdp(address, respond)
    const { port } = udp.address()
    try {
      const tcp = await openTcp({ host: address.host, port }, respond)
      return {
        address: { host: address.host, port },
        close() {
          udp.close()
          tcp.close()
        },
      }
    } catch (error) {
      udp.close()
      if (address.port !== 0 || attempt === ATTEMPTS) throw error
    }
  }
}

/** In words: what can't be had, and why. */
function refused({ host, port }: Address, over: string, error: unknown): CircuitError {
  const { code, message } = asCircuitError(error)
  return new CircuitError(code, `can't serve DNS on ${formatAddress({ host, port })} (${over}): ${message}`)
}

async function openUdp(address: Address, respond: Respond): Promise<UdpSocket> {
  const family = isIPv6(address.host) ? 6 : 4
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // A port that was asked for may be that of discovery, on every address of the host; that nobody else serves here is
    // TCP's to find out. A free one would be given to clients too, who would get their own queries back.
    reuseAddr: address.port !== 0,
    // Addresses need no looking up, and every answer would wait a turn for it.
    lookup: (host, _options, found) => found(null, host, family),
  })
  try {
    const listening = once(socket, 'listening')
    socket.bind(address.port, address.host)
    await listening
  } catch (error) {
    socket.close()
    throw refused(address, 'UDP', error)
  }
  socket.unref()
  // Errors of single datagrams: the client has gone, or no route leads back. It will ask again.
  socket.on('error', () => {})
  const ignore = (): void => {}
  socket.on('message', (query: Buffer, { address, port }: RemoteInfo) => {
    const response = port === 0 ? undefined : respond(query, 'udp')
    if (response) socket.send(response, 0, response.length, port, address, ignore)
  })
  return socket
}

async function openTcp(address: Address, respond: Respond): Promise<{ close(): void }> {
  const connections = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const [oldest] = connections
    if (connections.size >= MAX_CONNECTIONS && oldest) oldest.destroy()
    connections.add(socket)
    socket.unref().once('close', () => connections.delete(socket))
    serve(socket, respond)
  })
  try {
    server.listen(address.port, address.host)
    await once(server, 'listening')
  } catch (error) {
    throw refused(address, 'TCP', error)
  }
  server.unref().on('error', () => {})
  return {
    close() {
      server.close()
      for (const socket of connections) socket.destroy()
    },
  }
}

/** Answers what comes on a connection, one message after the other, each behind its length in 16 bits. */
function serve(socket: Socket, respond: Respond): void {
  let pending = new GrowingBuffer()
  const proceed = (): void => {
    const rest = answerSome(pending.view(), socket, respond)
    if (rest.length < pending.length) pending = new GrowingBuffer(rest)
    if (!socket.writableNeedDrain) return void socket.resume()
    // Who does not read its answers gets no more of them.
    socket.pause().once('drain', proceed)
  }
  socket.setTimeout(IDLE_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes: Buffer) => {
    pending.append(bytes)
    proceed()
  })
  socket.on('end', () => socket.end())
}

/** Answers whole messages among these bytes, until the socket is full, and gives the rest. */
function answerSome(bytes: Buffer, socket: Socket, respond: Respond): Buffer {
  let at = 0
  while (at + 2 <= bytes.length && !socket.writableNeedDrain && !socket.destroyed) {
    const end = at + 2 + bytes.readUInt16BE(at)
    if (end > bytes.length) break
    const response = respond(bytes.subarray(at + 2, end), 'tcp')
    // On a connection silence would not be understood.
    if (response) socket.write(framed(response))
    else socket.destroy()
    at = end
  }
  return bytes.subarray(at)
}

function framed(response: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(2 + response.length)
  frame.writeUInt16BE(response.length)
  response.copy(frame, 2)
  return frame
}
