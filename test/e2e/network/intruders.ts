/** What those who may not come in try, and those who came in and behave badly: sockets for the tests of the door. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Key } from '../../../src/node/peer/key.ts'
import { dialSocket } from '../../../src/node/peer/secure.ts'
import { circuit } from '../../../src/proto/circuit.pb.js'
import { FRAME, FrameReader, frame } from '../../../src/proto/frame.ts'

export interface Door {
  readonly host: string
  readonly port: number
}

/** Where a server with this URL can be dialled. */
export function doorOf(url: string): Door {
  const [, host = '', port = ''] = /^circuit:\/\/([^:]+):(\d+)\//.exec(url) ?? []
  return { host, port: Number(port) }
}

/** A TCP connection; what is said is kept until it is closed. */
export function knock(t: Test, { host, port }: Door): Socket {
  const socket = connect(port, host).on('error', () => {})
  t.teardown(() => socket.destroy())
  return socket
}

/** Settles with the time in ms after which the other side has closed; rejects after `limit` ms. */
export function closing(socket: Socket, limit = 15_000): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`was not closed within ${limit} ms`)), limit)
    const closed = (): void => {
      clearTimeout(timer)
      resolve(performance.now() - began)
    }
    if (socket.closed) closed()
    else socket.resume().once('close', closed)
  })
}

/** Listens on loopback until the test ends. */
export async function listen(t: Test, onSocket: (socket: Socket) => void, server: Server = createServer()) {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket.on('error', () => {}))
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port } satisfies Door
}

export const urlOf = ({ host, port }: Door, id = 'Q0123456789abcdef'): string =>
  `circuit://${host}:${port}/1/${id}`

/** A certificate for 127.0.0.1 from an authority of our own; both keys and certificates are files in a directory. */
export function makeCertificate(directory: string) {
  const file = (name: string): string => join(directory, name)
  const openssl = (words: string): void =>
    void execFileSync('openssl', words.split(' '), { stdio: 'ignore', cwd: directory })
  openssl(
    'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem',
  )
  openssl(
    'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE -CA ca.pem -CAkey ca.key -keyout key.pem -out cert.pem',
  )
  return { ca: file('ca.pem'), key: readFileSync(file('key.pem')), cert: readFileSync(file('cert.pem')) }
}

export const control = (stream: number, message: circuit.Control.$Properties): Buffer =>
  frame(stream, FRAME.CONTROL, 0, circuit.Control.encode(message).finish())

/** Says hello as a client does. */
export const HELLO = control(0, { hello: { major: 1, minor: 0, version: 'test' } })

/** A client that came in with the key, said hello, and from now on says what it likes. */
export async function enter(t: Test, { host, port }: Door, keys: readonly Key[]) {
  const socket = await dialSocket(host, port, keys)
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  const reader = new FrameReader()
  const answers: circuit.Control[] = []
  let told: () => void = () => {}
  socket.on('data', (bytes: Buffer) => {
    for (const { kind, payload } of reader.push(bytes))
      if (kind === FRAME.CONTROL) answers.push(circuit.Control.decode(payload))
    told()
  })
  socket.on('close', () => told())
  socket.write(HELLO)
  /** The first answer of which something holds; undefined when the connection is closed before. */
  const answer = async (
    holds: (answer: circuit.Control) => boolean,
  ): Promise<circuit.Control | undefined> => {
    for (;;) {
      const found = answers.find(holds)
      if (found || socket.closed) return found
      await new Promise<void>((resolve) => {
        told = resolve
      })
    }
  }
  await answer(({ hello }) => hello != null)
  return { socket, answers, answer }
}
