/** Ten thousand records: set, shown, asked for, taken away; and no more of them than a server can bear. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { noMount, type Outcome, startServer, until } from '../../server.ts'
import { dig } from './dig.ts'

const COUNT = 10_000

const residentMB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024

t.test('ten thousand records', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const { pid = 0 } = server.child
  const anchor = await server.anchor('mkdns')
  const env = { A: anchor }
  const before = residentMB(pid)
  const names = Array.from({ length: COUNT }, (_, n) => ({
    name: `h${n}.many.test.`,
    ip: `10.1.${n >> 8}.${n & 255}`,
  }))
  const directory = mkdtempSync(join(tmpdir(), 'circuit-many-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  /** From a file: what comes from a pipe is written in pieces of any length, and the end of a write ends a command. */
  const command = (lines: readonly string[]): Promise<Outcome> => {
    const file = join(directory, 'commands')
    writeFileSync(file, lines.join(''))
    return server.sh('cat "$F" > "$A/ctl"', { env: { ...env, F: file }, limit: 60_000 })
  }
  t.equal((await command(names.map(({ name, ip }) => `set ${name} 60 A ${ip}\n`))).status, 0)
  t.equal((await server.sh('wc -l < "$A/records"', { env })).stdout.trim(), `${COUNT}`)
  const peek = JSON.parse((await server.sh('cat "$A/peek"', { env })).stdout)
  t.equal(Object.keys(peek.Records).length, COUNT)
  const some = names.filter((_, n) => n % 100 === 0)
  const answers = await dig(
    peek.Address,
    some.map(({ name }) => `${name} A`),
  )
  t.strictSame(
    answers.map(({ answer }) => answer.map((line) => line.split('\t').at(-1))),
    some.map(({ ip }) => [ip]),
  )
  t.ok(residentMB(pid) - before < 150, `${before} MB before, ${residentMB(pid)} MB with them`)
  t.equal((await command(names.map(({ name }) => `unset ${name}\n`))).status, 0)
  t.equal((await server.sh('cat "$A/records"', { env })).stdout, '')
})

t.test(
  'garbage on both doors: the server goes on, and takes no more memory',
  { skip: noMount },
  async (t) => {
    const server = await startServer(t)
    const { pid = 0 } = server.child
    const anchor = await server.anchor('mkdns')
    await server.sh('echo "set a.test. A 10.0.0.1" > "$A/ctl"', { env: { A: anchor } })
    const address: string = JSON.parse(
      (await server.sh('cat "$A/peek"', { env: { A: anchor } })).stdout,
    ).Address
    const [host, port] = address.split(':')
    const garbage = `
import random, socket
r = random.Random(1)
where = ('${host}', ${port})
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
good = bytes.fromhex('123401000001000000000001016104746573740000ff000100002904d0000000000000')
for n in range(20000):
    message = bytearray(good if r.random() < .8 else r.randbytes(r.choice([0, 1, 11, 12, 13, 500, 9000, 60000])))
    for _ in range(r.randrange(6)):
        if message: message[r.randrange(len(message))] = r.choice([0, 1, 0x3f, 0xc0, 0xff])
    udp.sendto(message, where)
for n in range(300):
    tcp = socket.create_connection(where, 10)
    tcp.settimeout(10)
    try:
        tcp.sendall(r.choice([b'', b'\\0', b'\\xff\\xff' + r.randbytes(65535), b'\\0\\0', r.randbytes(200000), b'GET / HTTP/1.0\\r\\n\\r\\n']))
        if r.random() < .5: tcp.shutdown(socket.SHUT_WR)
    except OSError: pass
    tcp.close()
print('done')`
    const run = (): Promise<unknown> =>
      server.sh('exec python3 -c "$P"', { env: { P: garbage }, limit: 60_000 }).then(({ stdout, stderr }) => {
        t.equal(stdout + stderr, 'done\n')
      })
    const still = async (): Promise<boolean> => (await dig(address, ['a.test. A']))[0]?.answer.length === 1
    await run()
    await until(still)
    const before = residentMB(pid)
    await run()
    await until(still)
    t.ok(
      residentMB(pid) - before < 40,
      `${before} MB after the first, ${residentMB(pid)} MB after the second`,
    )
    t.notMatch(server.log(), /error/, 'it has nothing to complain of')
  },
)
