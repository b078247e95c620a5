/** The sentences of docs/semantics.md on how servers start and end, and what becomes of processes then. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { isMounted, runShell, startServer, type TestServer, until } from '../server.ts'
import { onThisHost as sentence } from './place.ts'

const GRACE_MS = 5000

/** Whether a process is there and not only waits to be waited for. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

/** Runs a program that prints pids, and gives these. */
async function start(server: TestServer, command: string): Promise<number[]> {
  const anchor = await server.anchor(command)
  const { stdout } = await server.sh('head -1 "$A/stdout"', { env: { A: anchor } })
  return stdout.trim().split(' ').map(Number)
}

function killAtEnd(t: Test, pids: readonly number[]): void {
  t.teardown(() => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
}

const ends = {
  'at its stop': (server: TestServer) => server.stop(),
  'when it is killed': (server: TestServer) => server.kill(),
}

sentence('P24 P25 When its server ends, a process and its group get TERM, and KILL 5 s later', (t) =>
  Promise.all(Object.entries(ends).map(([how, end]) => endAndWatch(t, how, end))).then(() => {}),
)

async function endAndWatch(
  t: Test,
  how: string,
  end: (server: TestServer) => Promise<unknown>,
): Promise<void> {
  const server = await startServer(t)
  const file = join(mkdtempSync(join(tmpdir(), 'circuit-stop-')), 'told')
  const polite = await start(
    server,
    `run sh -c 'trap "echo told > ${file}; exit" TERM; sleep 60 & echo $$ $!; wait'`,
  )
  const [stopped = 0] = await start(server, `run sh -c 'echo $$; exec sleep 60'`)
  const stubborn = await start(server, `run sh -c 'trap "" TERM; sleep 60 & echo $$ $!; wait'`)
  killAtEnd(t, [...polite, stopped, ...stubborn])
  process.kill(stopped, 'SIGSTOP')
  const begin = Date.now()
  await end(server)
  await until(() => ![...polite, stopped].some(isAlive), 60_000)
  const told = Date.now() - begin
  t.equal(readFileSync(file, 'latin1'), 'told\n', how)
  t.ok(told > GRACE_MS || stubborn.every(isAlive), 'who ignores TERM has time')
  await until(() => !stubborn.some(isAlive), 60_000)
  const killed = Date.now() - begin
  t.ok(told < killed, `TERM was enough after ${told} ms`)
  t.ok(killed > GRACE_MS - 1000, `KILL came after ${killed} ms`)
}

sentence('P26 With Detach a process goes on when its server ends', async (t) => {
  for (const end of Object.values(ends)) {
    const server = await startServer(t)
    const script = 'sleep 60 & echo $$ $!; wait'
    const detached = await start(
      server,
      `mkproc ${JSON.stringify({ Path: 'sh', Args: ['-c', script], Detach: true })}`,
    )
    const [other = 0] = await start(server, 'run sh -c "echo $$; exec sleep 60"')
    killAtEnd(t, [...detached, other])
    await end(server)
    await until(() => !isAlive(other))
    t.ok(detached.every(isAlive))
  }
})

sentence('P27 Processes that an ended one has left go on when the server ends, too', async (t) => {
  const server = await startServer(t)
  const [left = 0] = await start(server, 'run sh -c "sleep 60 & echo $!"')
  const [other = 0] = await start(server, 'run sh -c "echo $$; exec sleep 60"')
  killAtEnd(t, [left, other])
  await server.stop()
  await until(() => !isAlive(other))
  t.ok(isAlive(left))
})

/** A reader of a channel that nobody sends on, once it is blocked; it says with which error its read ends. */
async function block(server: TestServer): Promise<{ readonly error: Promise<string> }> {
  // By way of C: Python itself would try again after an EINTR.
  const script = `
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.read(os.open(sys.argv[1] + '/recv', os.O_RDONLY), ctypes.create_string_buffer(1), 1)
print(errno.errorcode[ctypes.get_errno()])`
  const anchor = await server.anchor('mkchan')
  const ended = runShell('exec python3 -c "$SCRIPT" "$A"', { env: { A: anchor, SCRIPT: script } })
  await until(async () => (await server.sh('cat "$S/metrics"')).stdout.includes('requests_waiting 1\n'))
  return { error: ended.then(({ stdout }) => stdout.trim()) }
}

sentence('B10 When the server ends, blocked operations end', async (t) => {
  const stopped = await startServer(t)
  const interrupted = await block(stopped)
  await stopped.stop()
  t.equal(await interrupted.error, 'EINTR')
  const killed = await startServer(t)
  const aborted = await block(killed)
  await killed.kill()
  t.match(await aborted.error, /^(ECONNABORTED|ENOTCONN)$/)
})

sentence('S8 leave and suicide stop the server in order', async (t) => {
  for (const verb of ['leave', 'suicide']) {
    const server = await startServer(t)
    const ended = once(server.child, 'exit')
    t.equal((await server.sh(`echo ${verb} > "$S/ctl"`)).status, 0)
    t.strictSame(await ended, [0, null])
    t.notOk(isMounted(server.mount))
  }
})

sentence('S9 SIGTERM and SIGINT stop the server in order', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = await startServer(t)
    const ended = once(server.child, 'exit')
    server.child.kill(signal)
    t.strictSame(await ended, [0, null], signal)
    t.notOk(isMounted(server.mount))
  }
})

sentence('S10 T2 A server takes away the mount of a killed one, and has a new name', async (t) => {
  const first = await startServer(t)
  await first.anchor('mkchan')
  await first.kill()
  t.ok(isMounted(first.mount))
  const second = await startServer(t, { mount: first.mount })
  t.match(second.id, /^X[0-9a-f]{16}$/)
  t.not(second.id, first.id)
  t.strictSame(
    (await second.sh('ls -A "$M" "$S"')).stdout.match(/^(X.*|t\d+)$/gm),
    [second.id],
    'and none of its anchors',
  )
})

sentence("T4 S9 Without --name the server has the host's name", async (t) => {
  const server = await startServer(t, { named: false })
  t.equal((await server.sh('readlink "$M/by-name/$(uname -n)"')).stdout, `../${server.id}\n`)
  t.equal((await server.stop()).status, 0)
})
