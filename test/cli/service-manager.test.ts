/** sd_notify(3), as a receiver of datagrams sees it that is no systemd. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { noMount, startServer } from '../server.ts'

/** Prints the first datagram, once it has said that it listens. */
const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print('bound', flush=True)
print(receiver.recv(4096).decode(), flush=True)`

t.test(
  'a server tells its service manager when it is ready, and hands the socket to nobody',
  { skip: noMount },
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'circuit-notify-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const socket = join(directory, 'socket')
    const receiver = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => void receiver.kill())
    await once(receiver.stdout, 'data')
    const server = await startServer(t, { env: { NOTIFY_SOCKET: socket } })
    const [said] = await once(receiver.stdout, 'data')
    const lines = `${said}`.trim().split('\n')
    t.ok(lines.includes('READY=1'))
    t.ok(lines.includes(`MAINPID=${server.child.pid}`))
    t.ok(lines.includes(`STATUS=server ${server.id} (web1), mounted on ${server.mount}`))
    const anchor = await server.anchor('run env')
    t.match(await server.sh('cat $A/stdout', { env: { A: anchor } }), { stdout: /^(?!.*NOTIFY_SOCKET)/s })
  },
)

t.test('a manager that can not be told is no reason to end', { skip: noMount }, async (t) => {
  const server = await startServer(t, { env: { NOTIFY_SOCKET: '/no/such/socket' } })
  t.match(await server.sh('ls $M/by-name'), { stdout: 'web1\n' })
  t.equal((await server.stop()).status, 0)
})
