/** What comes in by the door can be anything, and as much as it likes: the server serves on, and its memory stays flat. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { generateKey, parseKey } from '../../../src/node/peer/key.ts'
import { dialSocket } from '../../../src/node/peer/secure.ts'
import type { circuit } from '../../../src/proto/circuit.pb.js'
import { FRAME, FRAME_HEADER_BYTES, frame, MAX_PAYLOAD_BYTES } from '../../../src/proto/frame.ts'
import { type Random, random, seeds } from '../../random.ts'
import { noMount, startServer, until } from '../../server.ts'
import { residentMB } from '../measure.ts'
import { closing, control, doorOf, enter, knock } from './intruders.ts'

/** What the memory of a server may grow by, in MB: what V8 and the allocator keep varies. */
const FLAT_MB = 80

async function startFlooded(t: Test, insecure = false) {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-flooded-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const [text, file] = [generateKey(), join(directory, 'key')]
  writeFileSync(file, text, { mode: 0o600 })
  const server = await startServer(t, { args: insecure ? ['--insecure'] : ['-hmac', file] })
  const memory = (): number => residentMB(server.child.pid ?? 0)
  const before = memory()
  return {
    server,
    door: doorOf(server.url),
    keys: insecure ? [] : [parseKey(text)],
    /** It serves as before, through its mount and through its door, and has not grown. */
    async serves(t: Test, growth = FLAT_MB): Promise<void> {
      const script =
        'mkdir $S/works && echo run echo works > $S/works/ctl && cat $S/works/stdout $S/works/wait'
      t.match(await server.sh(script), { stdout: 'works\n0\n', stderr: '' })
      await server.sh('rmdir $S/works')
      const { socket, answer } = await enter(t, doorOf(server.url), insecure ? [] : [parseKey(text)])
      socket.write(control(1, { list: { path: Buffer.from('/') } }))
      t.ok(await answer(({ listReply }) => listReply != null), 'a client is served')
      socket.destroy()
      t.notMatch(server.log(), /internal error/)
      await until(() => memory() < before + growth).catch(() => {})
      t.ok(memory() < before + growth, `${Math.round(before)} MB, and then ${Math.round(memory())}`)
    },
  }
}

t.test('a thousand silent connections', { skip: noMount }, async (t) => {
  const { door, keys, serves } = await startFlooded(t)
  const silent = Array.from({ length: 1000 }, () => knock(t, door))
  await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  const greeted = await dialSocket(door.host, door.port, keys)
  t.teardown(() => greeted.destroy())
  await serves(t)
  // None may stay: neither those that never begin a handshake, nor one that proved the key and says nothing.
  await Promise.all([...silent, greeted].map((socket) => closing(socket, 30_000)))
  await serves(t)
})

t.test('what is no frame ends its connection, at once', { skip: noMount }, async (t) => {
  for (const insecure of [true, false]) {
    const { door, keys, serves } = await startFlooded(t, insecure)
    const noise = {
      'ff ff ff ff ff 7f': Buffer.from('ffffffffff7f'.repeat(2), 'hex'),
      'a frame that is too long': frame(1, FRAME.WRITE, 0, Buffer.alloc(MAX_PAYLOAD_BYTES + 1)).subarray(
        0,
        FRAME_HEADER_BYTES,
      ),
      'an unknown kind': Buffer.alloc(FRAME_HEADER_BYTES, 9),
      'a second hello': control(0, { hello: { major: 1 } }),
      HTTP: Buffer.from('GET / HTTP/1.1\r\nHost: circuit\r\n\r\n'),
    }
    for (const [name, bytes] of Object.entries(noise)) {
      const { socket } = await enter(t, door, keys)
      socket.write(bytes)
      t.ok((await closing(socket)) < 1000, name)
    }
    await serves(t)
  }
})

t.test('frames of every length', { skip: noMount }, async (t) => {
  const { door, keys, serves } = await startFlooded(t)
  const lengths = Array.from({ length: 1100 }, (_, n) => n)
  for (let power = 11; power <= 20; power++) lengths.push(2 ** power - 1, 2 ** power, 2 ** power + 1)
  lengths.push(MAX_PAYLOAD_BYTES)
  const { socket, answer } = await enter(t, door, keys)
  for (const length of lengths) {
    // To nobody, and to the connection itself.
    socket.write(frame(7, FRAME.WRITE, 3, Buffer.alloc(length, length)))
    socket.write(frame(0, FRAME.PING, 0, Buffer.alloc(length)))
  }
  socket.write(control(9, { stat: { path: Buffer.from('/') } }))
  t.ok(await answer(({ statReply }) => statReply != null), 'what comes after them is answered')
  // And frames that never end.
  for (const length of lengths.filter((length) => length > 0 && (length < 40 || length > 1100))) {
    const { socket } = await enter(t, door, keys)
    socket.end(frame(1, FRAME.CONTROL, 0, Buffer.alloc(length)).subarray(0, FRAME_HEADER_BYTES + length - 1))
    await closing(socket)
  }
  await serves(t)
})

/** Settles when the socket takes more, or has closed. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    if (socket.closed) resolve()
    else socket.on('drain', done).on('close', done)
  })
}

const PATH = '/FUZZED'
const FILES = [
  'ctl',
  'peek',
  'help',
  'error',
  'send',
  'recv',
  'stdin',
  'stdout',
  'wait',
  'log',
  'metrics',
  'x',
  '',
]

/** A call that is one, and mostly makes sense. */
function makeCall(chance: Random, anchors: readonly string[]): circuit.Control.$Properties {
  const path = Buffer.from(chance.pick([...anchors, '', '/', '//', '/by-name', '/X0123456789abcdef/a', PATH]))
  const who = { uid: chance.int(3), gid: 0, pid: chance.int(1 << 16) }
  const number = chance.pick([0, 1, 100, 2 ** 31, 2 ** 53, -1, Number.NaN, Infinity])
  const flag = (): boolean => chance.chance(0.5)
  return chance.pick<circuit.Control.$Properties>([
    { stat: { path } },
    { list: { path } },
    { make: { path: Buffer.concat([path, Buffer.from(`/f${chance.int(4)}`)]), who } },
    { remove: { path: Buffer.concat([path, Buffer.from(`/f${chance.int(4)}`)]), who } },
    {
      open: {
        path,
        file: chance.pick(FILES),
        read: flag(),
        write: flag(),
        append: flag(),
        truncate: flag(),
        who,
      },
    },
    { open: { path, file: chance.pick(FILES), read: true, who } },
    { read: { max: chance.int(1 << 20), waits: flag(), answered: number, taken: number } },
    { taken: { total: number } },
    { interrupt: { write: flag() } },
    { unread: {} },
    { poll: {} },
    { abandon: { unseen: flag() } },
    { close: { taken: number, returned: chance.bytes(chance.int(20)) } },
    { failure: { code: 'EIO', sentence: 'x' } },
    { opened: {} },
    { bye: {} },
    {},
  ])
}

/** Frames, of which a part is broken. */
function makeFrame(chance: Random, anchors: readonly string[]): Buffer {
  const stream = chance.pick([0, 1, 3, 5, 7, 9, 2, 4, chance.int(2 ** 31), 2 ** 32 - 1])
  const write = chance.chance(0.2)
  const bytes = write
    ? frame(stream, FRAME.WRITE, chance.int(4), chance.bytes(chance.int(300)))
    : control(stream, makeCall(chance, anchors))
  const luck = chance.int(100)
  if (luck < 70) return bytes
  // A payload that is none, in a frame that is one.
  if (luck < 90 && bytes.length > FRAME_HEADER_BYTES) {
    for (let n = chance.int(4); n >= 0; n--)
      bytes[FRAME_HEADER_BYTES + chance.int(bytes.length - FRAME_HEADER_BYTES)] = chance.int(256)
    return bytes
  }
  if (luck < 98) return frame(stream, FRAME.CONTROL, chance.int(256), chance.bytes(chance.int(60)))
  bytes[chance.int(bytes.length)] = chance.int(256)
  return bytes
}

t.test('random and broken frames, for a while', { skip: noMount }, async (t) => {
  const { server, door, keys, serves } = await startFlooded(t)
  const made = [await server.anchor('mkchan 2'), await server.anchor('run cat'), await server.anchor()]
  const anchors = made.map((path) => path.slice(server.mount.length))
  for (const seed of seeds(4)) {
    const chance = random(seed)
    let [sent, connections] = [0, 0]
    for (const end = Date.now() + 1500; Date.now() < end; connections++) {
      const { socket } = await enter(t, door, keys)
      while (!socket.closed && Date.now() < end) {
        const frames = Array.from({ length: 50 }, () => makeFrame(chance, anchors))
        sent += frames.length
        const more = socket.write(Buffer.concat(frames))
        await (more ? new Promise((resolve) => setImmediate(resolve)) : drained(socket))
      }
      socket.destroy()
    }
    t.comment(`seed ${seed}: ${sent} frames over ${connections} connections`)
    t.equal(server.child.exitCode ?? server.child.signalCode, null, `it runs on after seed ${seed}`)
  }
  await serves(t)
  t.match((await server.sh('timeout 10 cat $S/metrics')).stdout, /fuse_requests_waiting 0\n/)
})

t.test('calls without end, and answers that nobody reads', { skip: noMount }, async (t) => {
  const { server, door, keys, serves } = await startFlooded(t)
  const path = Buffer.from((await server.anchor('mkchan')).slice(server.mount.length))
  const { socket, answer } = await enter(t, door, keys)
  // Opened, and never closed.
  for (let n = 0; n < 70_000; n++) {
    const more = socket.write(control(2 * n + 1, { open: { path, file: 'recv', read: true } }))
    if (!more) await drained(socket)
  }
  t.ok(await answer(({ failure }) => failure?.code === 'EMFILE'), 'there is a limit to it')
  await serves(t, 400)
  socket.destroy()
  const deaf = await enter(t, door, keys)
  deaf.socket.pause()
  const big = control(1, { open: { path: Buffer.from(`/${server.id}`), file: 'metrics', read: true } })
  for (let written = 0, end = Date.now() + 3000; written < 400_000 && Date.now() < end; written += 500) {
    const calls = Array.from({ length: 500 }, (_, n) => {
      big.writeUInt32LE(2 * (written + n) + 1, 4)
      return Buffer.from(big)
    })
    const full = !deaf.socket.write(Buffer.concat(calls))
    // A server that has enough to send takes no more.
    if (full && !(await Promise.race([drained(deaf.socket).then(() => true), sleep(1000, false)]))) break
  }
  await serves(t, 400)
})
