/**
 * The two requests that a container lives on, as they are on the wire (Docker Engine API, "Attach to a container", "Wait for a
 * container"). They are not dockerode's: its wait never settles when the engine dies, and it attaches with a body, which podman
 * gives to the container as input.
 */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { EngineError } from './errors.ts'

export type StreamName = 'stdin' | 'stdout' | 'stderr'

/** Where the engine is. */
export type Address =
  | { readonly socketPath: string }
  | {
      readonly host: string
      readonly port: string
      readonly tls: { readonly ca?: unknown; readonly cert?: unknown; readonly key?: unknown } | undefined
    }

/** An idle connection to another host is asked this often whether it is there, in ms. */
const KEEP_ALIVE_MS = 10_000

/** @param signal destroys the connection, at any time */
function post(
  address: Address,
  path: string,
  headers: http.OutgoingHttpHeaders,
  signal: AbortSignal,
): http.ClientRequest {
  const options = {
    agent: false,
    method: 'POST',
    path,
    headers: { ...headers, 'Content-Length': 0 },
  } as const
  const request =
    'socketPath' in address
      ? http.request({ ...options, socketPath: address.socketPath })
      : (address.tls ? https : http).request({
          ...options,
          ...(address.tls as https.RequestOptions | undefined),
          host: address.host,
          port: address.port,
        })
  request.on('socket', (socket) => {
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    const end = (): void => void socket.destroy()
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
    socket.on('close', () => signal.removeEventListener('abort', end))
  })
  return request
}

async function textOf(message: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of message) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

async function refusal(message: IncomingMessage): Promise<EngineError> {
  const text = await textOf(message)
  let said = text
  try {
    said = JSON.parse(text).message ?? text
  } catch {
    // No JSON: a proxy's words, perhaps.
  }
  return new EngineError(message.statusCode ?? 0, said)
}

/** Opens a connection that carries one of a container's streams. @throws EngineError, Error */
export function attach(
  address: Address,
  id: string,
  stream: StreamName,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const headers = { Connection: 'Upgrade', Upgrade: 'tcp' }
    const request = post(address, `/containers/${id}/attach?stream=1&${stream}=1`, headers, signal)
    request.on('upgrade', (_message, socket: Socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    request.on('response', (message) => void refusal(message).then(reject, reject))
    request.on('error', reject)
    request.end()
  })
}

/**
 * Asks for the end of a container. Settles as soon as the engine looks out for it, before the container is started, and then
 * with its status: that promise rejects when the engine is lost. @throws EngineError, Error
 */
export function awaitExit(
  address: Address,
  id: string,
  condition: 'next-exit' | 'not-running',
  signal: AbortSignal,
): Promise<{ readonly status: Promise<number> }> {
  return new Promise((resolve, reject) => {
    const request = post(address, `/containers/${id}/wait?condition=${condition}`, {}, signal)
    request.on('response', (message) => {
      if (message.statusCode !== 200) return void refusal(message).then(reject, reject)
      const status = textOf(message).then((text) => Number(JSON.parse(text).StatusCode))
      // Whoever asked may be about to give up for another reason.
      status.catch(() => {})
      resolve({ status })
    })
    request.on('error', reject)
    request.end()
  })
}
