/** The network that other tests stand on does what it says. */
import { join } from 'node:path'
import t from 'tap'
import { type Host, network } from './network.ts'
import { noMount, until } from './server.ts'

/** How long it takes in ms to connect from one host to another's server and close again: a round trip. */
async function roundTrips(from: Host, to: Host, count: number): Promise<number[]> {
  const script = `
import socket, time
for i in range(${count}):
    start = time.monotonic()
    socket.create_connection(('${to.address}', 11022), 10).close()
    print((time.monotonic() - start) * 1000)`
  const { stdout } = await from.run('exec python3 -c "$P"', { env: { P: script } })
  return stdout.trim().split('\n').map(Number)
}

/** How many of so many datagrams reach the other host. */
async function datagrams(from: Host, to: Host, count: number): Promise<number> {
  const receive = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20) # SO_RCVBUFFORCE: what is lost, the wire has lost
s.bind(('', 5000))
s.settimeout(3)
count = 0
try:
    while True:
        s.recv(100)
        count += 1
except TimeoutError:
    print(count)`
  const send = `
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(${count}):
    s.sendto(b'x', ('${to.address}', 5000))
    time.sleep(0.0002)`
  const received = to.run('exec python3 -c "$P"', { env: { P: receive } })
  await until(async () => (await to.run('cat /proc/net/udp')).stdout.includes(':1388 '))
  await from.run('exec python3 -c "$P"', { env: { P: send } })
  return Number((await received).stdout)
}

t.test('hosts see each other, two networks at once do not', { skip: noMount }, async (t) => {
  const both = await Promise.all([network(t, 3), network(t, 2, { key: false })])
  for (const { hosts } of both)
    for (const host of hosts) {
      const names = hosts.map(({ name }) => name).join('\n')
      t.equal((await host.run('ls $M/by-name')).stdout, `${names}\n`)
      t.match(await host.run('cat $S/peek'), { stdout: `"Addr": "circuit://${host.address}:11022/` })
    }
  const [a, , c] = both[0].hosts as [Host, Host, Host]
  t.match(await a.run('mkdir $F && ls -d $F', { env: { F: a.at(c, 'x') } }), { status: 0 })
  t.match(await c.run('ls -d $S/x'), { status: 0 })
})

t.test('a cable is pulled, and put back', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 2)
  const [a, b] = hosts as [Host, Host]
  await a.cut()
  const blocked = a.run('cat $F', { env: { F: a.at(b, 'peek') } })
  t.equal(await Promise.race([blocked, new Promise((resolve) => setTimeout(resolve, 500, 'waits'))]), 'waits')
  await a.heal()
  t.match(await blocked, { status: 0, stdout: `"Name": "h2"` })
})

t.test('a wire delays, jitters and loses, also after a cut', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 2, { servers: false, key: false })
  const [a, b] = hosts as [Host, Host]
  await b.start()
  await b.delay({ ms: 20, jitterMs: 10 })
  const delayed = (await roundTrips(a, b, 40)).sort((x, y) => x - y)
  t.ok((delayed[0] ?? 0) >= 20, 'no frame is faster than it can be')
  t.ok((delayed[20] ?? 0) >= 30, 'nor are most')
  t.ok((delayed[30] ?? 0) - (delayed[10] ?? 0) > 2, 'they differ')
  await b.cut()
  await b.heal()
  await b.delay({ loss: 0.1 })
  const arrived = await datagrams(a, b, 2000)
  t.ok(arrived > 1700 && arrived < 1900, `${arrived} of 2000`)
  await b.delay({})
  t.ok(((await roundTrips(a, b, 9)).sort((x, y) => x - y)[4] ?? 99) < 20, 'as before')
})

t.test('bytes come through a bad wire whole, and fast enough', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 2)
  const [a, b] = hosts as [Host, Host]
  await b.delay({ ms: 1, jitterMs: 0.5, loss: 0.001 })
  const bytes = 8 << 20
  const script = `mkdir $F; echo 'run head -c ${bytes} /dev/zero' > $F/ctl; cat $F/stdout | wc -c; cat $F/wait`
  const began = performance.now()
  t.match(await a.run(script, { env: { F: a.at(b, 'x') } }), { stdout: `${bytes}\n0\n` })
  t.comment(`${Math.round(bytes / (performance.now() - began) / 1000)} MB/s`)
})

t.test('a server is killed, and another one started in its place', { skip: noMount }, async (t) => {
  const net = await network(t, 2)
  const [a, b] = net.hosts as [Host, Host]
  const { id } = b
  await b.server.kill()
  await until(async () => (await a.run('ls $M/by-name')).stdout === 'h1\n')
  await b.start({ args: ['-j', a.url] })
  await net.settled()
  t.not(b.id, id)
  t.match(await a.run(`cat ${join(a.mount, 'by-name/h2/peek')}`), { stdout: b.id })
})
