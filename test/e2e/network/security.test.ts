/** Who does not have the key does not come in, is told so at once, and the log says it. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { generateKey, type Key, parseKey } from '../../../src/node/peer/key.ts'
import { dialSocket } from '../../../src/node/peer/secure.ts'
import { type Host, network } from '../../network.ts'
import { MAIN, noMount, runShell, startServer, type TestServer, until } from '../../server.ts'
import { closing, type Door, doorOf, HELLO, knock, listen, makeCertificate, urlOf } from './intruders.ts'

/** Soon: refused in under a second, and some more where others need the CPUs. */
const SOON_MS = 1000

interface Guarded {
  readonly server: TestServer
  readonly door: Door
  readonly key: Key
  readonly keyFile: string
  readonly directory: string
  /** Awaits that its log tells once more of one who was refused. */
  refused(why: RegExp): Promise<void>
}

async function startGuarded(t: Test): Promise<Guarded> {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-guarded-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const [text, keyFile] = [generateKey(), join(directory, 'key')]
  writeFileSync(keyFile, text, { mode: 0o600 })
  const server = await startServer(t, { args: ['-hmac', keyFile] })
  let read = server.log().length
  return {
    server,
    door: doorOf(server.url),
    key: parseKey(text),
    keyFile,
    directory,
    async refused(why) {
      await until(() => why.test(server.log().slice(read)))
      read = server.log().length
    },
  }
}

t.test('who has another key, none, or old TLS, is refused at once', { skip: noMount }, async (t) => {
  const { server, door, key, refused } = await startGuarded(t)
  const attempts: Record<string, () => Promise<number>> = {
    'another key': async () => {
      const began = performance.now()
      await t.rejects(dialSocket(door.host, door.port, [parseKey(generateKey())]), { code: 'EACCES' })
      return performance.now() - began
    },
    'no key': () => closing(connectTls({ ...door, rejectUnauthorized: false }).on('error', () => {})),
    'no TLS': () => {
      const socket = knock(t, door)
      socket.write(HELLO)
      return closing(socket)
    },
    'the key, with TLS 1.2': () => {
      const psk = { psk: key.secret, identity: key.id }
      const old = { maxVersion: 'TLSv1.2', ciphers: 'PSK', minVersion: 'TLSv1.2' } as const
      const options = { ...door, ...old, pskCallback: () => psk, checkServerIdentity: () => undefined }
      return closing(connectTls(options).on('error', () => {}))
    },
    'the name of the key, and another secret': async () => {
      const began = performance.now()
      const forged = { ...key, secret: Buffer.alloc(32, 1) }
      await t.rejects(dialSocket(door.host, door.port, [forged]), { code: 'EACCES' })
      return performance.now() - began
    },
    noise: () => {
      const socket = knock(t, door)
      socket.write(Buffer.from('ffffffffff7f', 'hex'))
      return closing(socket)
    },
  }
  for (const [name, attempt] of Object.entries(attempts)) {
    const took = await attempt()
    t.ok(took < SOON_MS, `${name}: ${Math.round(took)} ms`)
    await refused(/127\.0\.0\.1/)
  }
  ;(await dialSocket(door.host, door.port, [key])).destroy()
  t.match(await server.sh('ls $M'), { status: 0 })
})

t.test('a server without the key is not believed, whoever vouches for it', { skip: noMount }, async (t) => {
  const { server, key, keyFile, directory } = await startGuarded(t)
  const { ca, ...identity } = makeCertificate(directory)
  let asked = 0
  const impostor = await listen(
    t,
    () => asked++,
    createTlsServer({ ...identity, ALPNProtocols: ['circuit/1'] }),
  )
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca }
  const trusts = `require('tls').connect(${impostor.port}, '127.0.0.1', { ALPNProtocols: ['circuit/1'] },
    function () { console.log(this.authorized); this.destroy() })`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', trusts], { env })
  t.equal(stdout, 'true\n', 'its certificate is a trusted one')
  t.equal(asked, 1)
  const words = ['start', '--no-mount', '-hmac', keyFile, '-j', urlOf(impostor)]
  await t.rejects(promisify(execFile)(process.execPath, [MAIN, ...words], { env }), {
    code: 1,
    stderr: /key/,
  })
  t.ok(asked > 1, 'it was asked')
  const began = performance.now()
  await t.rejects(dialSocket(impostor.host, impostor.port, [key]), { code: 'EACCES' })
  t.ok(performance.now() - began < SOON_MS)
  t.match(await server.sh(`echo 'join ${urlOf(impostor)}' > $S/ctl; cat $S/error`), { stdout: /key/ })
})

t.test('a handshake that is replayed is refused', { skip: noMount }, async (t) => {
  const { server, door, key, refused } = await startGuarded(t)
  const said: Buffer[] = []
  const recorder = await listen(t, (socket) => {
    const onward = knock(t, door)
    socket.on('data', (bytes) => said.push(bytes))
    socket.pipe(onward).pipe(socket)
  })
  const honest = await dialSocket(recorder.host, recorder.port, [key])
  honest.write(HELLO)
  await new Promise((resolve) => honest.once('data', resolve))
  honest.destroy()
  t.ok(said.length > 1, 'a whole handshake was recorded')
  const replay = knock(t, door)
  const closed = closing(replay)
  for (const bytes of said) {
    replay.write(bytes)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  t.ok((await closed) < SOON_MS)
  await refused(/127\.0\.0\.1/)
  t.match(await server.sh('ls $M'), { status: 0 })
})

t.test('a handshake that is reflected, and its own address, are refused', { skip: noMount }, async (t) => {
  const { server, door, refused } = await startGuarded(t)
  const echo = await listen(t, (socket) => void socket.pipe(socket))
  // Who stands in the middle can send a server's own handshake back to it: the key is proved, by itself.
  const mirror = await listen(t, (socket) => {
    const onward = connect(door.port, door.host).on('error', () => {})
    socket.pipe(onward).pipe(socket)
    onward.on('close', () => socket.destroy())
    socket.on('close', () => onward.destroy())
  })
  for (const [name, url] of Object.entries({
    reflected: urlOf(echo),
    mirrored: urlOf(mirror),
    'mirrored, nobody in particular': `${mirror.host}:${mirror.port}`,
  })) {
    const began = performance.now()
    const { stdout, stderr } = await server.sh(`echo 'join ${url}' > $S/ctl; cat $S/error`)
    t.ok(performance.now() - began < 2 * SOON_MS, `${name}: ${stdout.trim().split(': ').slice(1).join(': ')}`)
    t.match(stderr, /error/i, name)
    t.match(stdout, /: join/, name)
  }
  await refused(/dialled by itself/)
  await server.sh(`echo 'join ${server.url}' > $S/ctl`)
  t.equal((await server.sh('ls $M/by-name')).stdout, 'web1\n', 'it is alone as before')
  t.match(await server.sh('cat $S/peek'), { status: 0 })
})

t.test('without a key nothing but loopback is bound', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 1, { servers: false })
  const [host] = hosts as [Host]
  const { stdout } = await runShell('ss -Hlntu', { within: host.enter })
  t.equal(stdout, '', 'nobody listens')
  await startServer(t, { within: host.enter })
  const bound = (await runShell('ss -Hlntu', { within: host.enter })).stdout.trim().split('\n')
  t.ok(bound.length >= 1)
  for (const line of bound) t.match(line, /\s127\.0\.0\.1:\d+\s/, line)
  for (const address of [`${host.address}:0`, '0.0.0.0:0', '[::]:0']) {
    const words = `exec ${process.execPath} ${MAIN} start --no-mount -a ${address}`
    t.match(await runShell(words, { within: host.enter }), { status: 2, stderr: /without a key/ }, address)
  }
})
