/**
 * What the far side is compared with, and clients of it, as a program of its own, so that it can run on any host:
 *
 *   tls-serve ADDRESS KEYFILE                serves the three `tls-` below on a bare TLS socket with our key
 *   tls-stream ADDRESS KEYFILE BYTES         receives so many bytes
 *   tls-echo ADDRESS KEYFILE COUNT FLIGHT    sends 100 bytes and awaits them back, so often, so many at a time
 *   tls-calls ADDRESS KEYFILE COUNT FLIGHT   the same as calls: each in a frame, answered by itself, a promise each
 *   peeks URL KEYFILE COUNT FLIGHT PATH      reads `peek` by the client library, as often
 *   blocked URL KEYFILE COUNT PATH           blocks in so many reads of a file, until it is killed
 *   connected URL KEYFILE COUNT              holds so many connections on which nothing is called, until it is killed
 *
 * Clients print a line of JSON: {"ops":N,"seconds":S,"bytes":B}.
 */
import type { Socket } from 'node:net'
import { connect, readKey } from '../src/index.ts'
import { dialSocket, listenSocket } from '../src/node/peer/secure.ts'
import { FRAME, FRAME_HEADER_BYTES, FrameReader, frame } from '../src/proto/frame.ts'
import { parseUrl } from '../src/proto/url.ts'

const CALL_BYTES = 100
const PIECE = Buffer.alloc(64 * 1024)

const [verb = '', where = '', keyFile = '', ...rest] = process.argv.slice(2)
const keys = [readKey(keyFile)]

async function dial(): Promise<Socket> {
  const { host, port } = parseUrl(where)
  return dialSocket(host, port, keys)
}

/** The first byte says what is wanted: `e`, an echo, `c`, calls, or `s` and a number in 15 digits, a stream. */
function serve(): void {
  const { host, port } = parseUrl(where)
  listenSocket(keys, answer, console.error).listen(port, host, () => console.log('ready'))
}

function answer(socket: Socket): void {
  socket.on('error', () => {})
  socket.once('data', (first) => {
    if (first[0] === 's'.charCodeAt(0)) return pump(socket, Number(first.subarray(1, 16)))
    if (first[0] === 'c'.charCodeAt(0)) return answerCalls(socket, first.subarray(1))
    socket.on('data', (bytes) => socket.write(bytes))
    if (first.length > 1) socket.write(first.subarray(1))
  })
}

function answerCalls(socket: Socket, first: Buffer): void {
  const reader = new FrameReader()
  const take = (piece: Buffer): void => {
    socket.cork()
    for (const { stream, payload } of reader.push(piece))
      socket.write(frame(stream, FRAME.CONTROL, 0, payload))
    socket.uncork()
  }
  socket.on('data', take)
  take(first)
}

function pump(socket: Socket, bytes: number): void {
  let left = bytes
  const go = (): void => {
    while (left > 0) {
      left -= PIECE.length
      if (!socket.write(PIECE)) return void socket.once('drain', go)
    }
    socket.end()
  }
  go()
}

async function stream(bytes: number): Promise<void> {
  const socket = await dial()
  const report = clock()
  let got = 0
  socket.on('data', (piece) => {
    got += piece.length
  })
  socket.on('end', () => report(1, got))
  socket.write(`s${String(bytes).padStart(15, '0')}`)
}

async function echo(count: number, flight: number): Promise<void> {
  const socket = await dial()
  const call = Buffer.alloc(CALL_BYTES)
  const report = clock()
  let sent = 0
  let got = 0
  const send = (): void => {
    socket.cork()
    for (; sent < count && sent - got / CALL_BYTES < flight; sent++) socket.write(call)
    socket.uncork()
  }
  socket.write('e')
  socket.on('data', (piece) => {
    got += piece.length
    if (got < count * CALL_BYTES) return send()
    report(count, got)
    socket.destroy()
  })
  send()
}

async function calls(count: number, flight: number): Promise<void> {
  const socket = await dial()
  const reader = new FrameReader()
  const waiting = new Map<number, () => void>()
  const payload = Buffer.alloc(CALL_BYTES - FRAME_HEADER_BYTES)
  socket.on('data', (piece: Buffer) => {
    for (const { stream } of reader.push(piece)) {
      waiting.get(stream)?.()
      waiting.delete(stream)
    }
  })
  socket.write('c')
  const report = clock()
  let last = 0
  const call = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.set(++last, resolve)
      if (!socket.writableCorked) {
        socket.cork()
        process.nextTick(() => socket.uncork())
      }
      socket.write(frame(last, FRAME.CONTROL, 0, payload))
    })
  const worker = async (): Promise<void> => {
    while (last < count) await call()
  }
  await Promise.all(Array.from({ length: flight }, worker))
  report(count, 0)
  socket.destroy()
}

async function peeks(count: number, flight: number, path: string): Promise<void> {
  const circuit = await connect({ url: where, keys })
  const report = clock()
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await circuit.readText(path)
  }
  await Promise.all(Array.from({ length: flight }, worker))
  report(count, 0)
  await circuit.close()
}

/** What is left when the garbage is out. */
function heapBytes(): number {
  const { gc } = globalThis as { gc?: () => void }
  if (gc === undefined) throw new Error('this needs node --expose-gc')
  gc()
  return process.memoryUsage().heapUsed
}

/** Says by how many bytes its memory has grown; until it is ended. */
async function blocked(count: number, path: string): Promise<void> {
  const circuit = await connect({ url: where, keys })
  const block = async (): Promise<unknown> => (await circuit.open(path, 'r')).read()
  // What the first calls load is there for all.
  for (let n = 0; n < 100; n++) block().catch(() => {})
  await circuit.readText('/help')
  const before = heapBytes()
  for (let n = 0; n < count; n++) block().catch(() => {})
  await circuit.servers()
  console.log(JSON.stringify({ ops: count, seconds: 0, bytes: heapBytes() - before }))
}

/** Says by how many bytes its memory has grown, of which most is not in the heap; until it is ended. */
async function connected(count: number): Promise<void> {
  const open = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await connect({ url: where, keys })
  }
  await open(20)
  heapBytes()
  const before = process.memoryUsage.rss()
  await open(count)
  heapBytes()
  console.log(JSON.stringify({ ops: count, seconds: 0, bytes: process.memoryUsage.rss() - before }))
}

function clock(): (ops: number, bytes: number) => void {
  const start = performance.now()
  return (ops, bytes) =>
    console.log(JSON.stringify({ ops, seconds: (performance.now() - start) / 1000, bytes }))
}

const [first = '', second = '', third = ''] = rest
switch (verb) {
  case 'tls-serve':
    serve()
    break
  case 'tls-stream':
    await stream(Number(first))
    break
  case 'tls-echo':
    await echo(Number(first), Number(second))
    break
  case 'tls-calls':
    await calls(Number(first), Number(second))
    break
  case 'peeks':
    await peeks(Number(first), Number(second), third)
    break
  case 'blocked':
    await blocked(Number(first), second)
    break
  case 'connected':
    await connected(Number(first))
    break
  default:
    console.error('see the head of bench/far.ts')
    process.exitCode = 2
}
