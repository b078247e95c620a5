/** Servers that are told nothing but a multicast group find each other, in any order, and nobody else. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Host, network } from '../network.ts'
import { MAIN, noMount, runShell, startServer, until } from '../server.ts'

const GROUP = ['-discover', '228.8.8.8:7711']
const MANY = Number(process.env.CIRCUIT_HOSTS ?? 5)

/** How many datagrams come to the group in three seconds. */
const LISTEN = `
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('228.8.8.8', 7711))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('228.8.8.8') + socket.inet_aton(sys.argv[1]))
end = time.monotonic() + 3
heard = 0
while time.monotonic() < end:
    s.settimeout(max(0.001, end - time.monotonic()))
    try:
        s.recv(2048)
        heard += 1
    except TimeoutError:
        pass
print(heard)`

t.test(
  `${MANY} hosts that start at once, with the same command, become one circuit`,
  { skip: noMount },
  async (t) => {
    const { hosts, settled } = await network(t, MANY, { servers: false, args: GROUP })
    await Promise.all(hosts.map((host) => host.start()))
    const start = performance.now()
    await settled()
    t.comment(`all list all ${Math.round(performance.now() - start)} ms after the last was there`)

    const [first, second] = hosts as [Host, Host]
    const { stdout: calls } = await second.run('exec python3 -c "$P" "$I"', {
      env: { P: LISTEN, I: second.address },
    })
    t.ok(
      Number(calls) <= 2,
      `when they have found each other one calls, and seldom: ${calls.trim()} times in 3 s`,
    )

    await first.server.kill()
    await first.start()
    await settled()
  },
)

t.test('who has another key is not found, and does not find', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 3, { servers: false, args: GROUP })
  const [first, stranger, second] = hosts as [Host, Host, Host]
  const directory = mkdtempSync(join(tmpdir(), 'circuit-key-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const key = join(directory, 'key')
  await runShell(`umask 077; ${process.execPath} ${MAIN} keygen > ${key}`)
  const args = [...GROUP, '-a', stranger.address, '-hmac', key]
  const other = await startServer(t, { args, within: stranger.enter })
  await first.start()
  await second.start()
  const names = async (server: { sh: typeof other.sh }): Promise<string> =>
    (await server.sh('ls -x $M/by-name')).stdout.trim()
  await until(async () => (await names(first.server)) === 'h1  h3')
  await until(async () => (await names(second.server)) === 'h1  h3')
  t.equal(await names(other), 'web1')
})

t.test('servers of one host find each other, by CIRCUIT_DISCOVER', { skip: noMount }, async (t) => {
  const env = { CIRCUIT_DISCOVER: '228.8.8.8:7712' }
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startServer(t, { args: ['--name', name], env })))
  for (const server of [a, b])
    await until(async () => (await server?.sh('ls -x $M/by-name'))?.stdout.trim() === 'a  b')
  t.match(await runShell(`${process.execPath} ${MAIN} start --no-mount -discover 10.0.0.1:7711`), {
    status: 2,
    stderr: /not a multicast address/,
  })
})
