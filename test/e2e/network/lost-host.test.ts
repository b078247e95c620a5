/** A host that is lost, cut off for a while, or stopped: what becomes of calls that are blocked on it, and of all others. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { type Host, network } from '../../network.ts'
import { PRELUDE } from '../../semantics/python.ts'
import { noMount, until } from '../../server.ts'

/** What a server may take to drop another one that it can't reach, and some more on a busy machine. */
const DROPPED_MS = 25_000

/** A Python script on a host, with what PRELUDE has; it says lines. */
function python(t: Test, host: Host, script: string, env: Record<string, string>) {
  const [program = '', ...words] = [...host.enter, 'python3', '-c', PRELUDE + script]
  const child = spawn(program, words, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, M: host.mount, S: host.self, ROUND_TRIP: '0', ...env },
    cwd: '/',
  })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    /** The next line; rejects when there is none. */
    async line(): Promise<string> {
      const { done, value } = await lines.next()
      if (done) throw new Error('the script has ended')
      return value
    },
    tell: (text: string): boolean => child.stdin.write(`${text}\n`),
  }
}

/** Blocks in every way on elements of another host; gives what each call came to. */
async function block(t: Test, near: Host, far: Host) {
  const [A, P, F] = ['a', 'p', 'f'].map((name) => near.at(far, name))
  const made = await near.run(
    'mkdir $A $P $F; echo mkchan > $A/ctl; echo run sleep 600 > $P/ctl; echo run sleep 600 > $F/ctl',
    { env: { A, P, F } as Record<string, string> },
  )
  t.equal(made.stderr, '')
  const script = `
P, F = os.environ['P'], os.environ['F']
fd = os.open(F + '/stdin', O_WRONLY | O_APPEND | O_NONBLOCK)
while isinstance(code(write, fd, b'x' * 65536), int): pass
blocking = {
    'recv': (A + '/recv', O_RDONLY, lambda fd: read(fd, 9)),
    'send': (os.environ['Q'] + '/send', O_WRONLY, lambda fd: write(fd, b'x')),
    'stdin': (F + '/stdin', O_WRONLY | O_APPEND, lambda fd: write(fd, b'x')),
    'stdout': (P + '/stdout', O_RDONLY, lambda fd: read(fd, 9)),
    'wait': (P + '/wait', O_RDONLY, lambda fd: read(fd, 9)),
}
os.mkdir(os.environ['Q'])
command(os.environ['Q'], 'mkchan')
calls = {name: Call(use, os.open(path, flags)) for name, (path, flags, use) in blocking.items()}
blocked(len(calls))
say('blocked')
for call in calls.values(): call.thread.join(30)
say(json.dumps({name: call.value if call.done else 'is still blocked' for name, call in calls.items()}))
`
  const { line } = python(t, near, script, { A, P, F, Q: near.at(far, 'q') } as Record<string, string>)
  t.equal(await line(), 'blocked')
  return { ends: line().then((text) => JSON.parse(text)) }
}

const ALL_DOWN = {
  recv: 'EHOSTDOWN',
  send: 'EHOSTDOWN',
  stdin: 'EHOSTDOWN',
  stdout: 'EHOSTDOWN',
  wait: 'EHOSTDOWN',
}

/** Lists the root again and again; gives how often, how often it failed, and the longest time it took in ms. */
function listRoot(t: Test, host: Host) {
  const script = `
import threading
stop = threading.Event()
def listen():
    sys.stdin.readline()
    stop.set()
threading.Thread(target=listen, daemon=True).start()
count, failed, longest = 0, 0, 0
while count < 6 or not stop.is_set():
    start = time.monotonic()
    done = subprocess.run(['ls', M, M + '/by-name'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode: failed = done.stderr.decode()
    count, longest = count + 1, max(longest, time.monotonic() - start)
    stop.wait(0.02)
say(json.dumps(dict(count=count, failed=failed, longest=longest * 1000)))`
  const { line, tell } = python(t, host, script, {})
  return async (): Promise<void> => {
    tell('stop')
    const { count, failed, longest } = JSON.parse(await line())
    t.comment(`ls of the root: ${count} times, the longest took ${Math.round(longest)} ms`)
    t.equal(failed, 0, 'it never failed')
    t.ok(longest < 4000, 'it never blocked')
  }
}

const isListed = async (near: Host, far: Host): Promise<boolean> =>
  (await near.run('ls $M')).stdout.includes(far.id)

t.test('kill -9 of a server ends what is blocked on it, at once', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 2)
  const [near, far] = hosts as [Host, Host]
  const { ends } = await block(t, near, far)
  const listed = listRoot(t, near)
  const began = performance.now()
  await far.server.kill()
  t.strictSame(await ends, ALL_DOWN)
  t.ok(performance.now() - began < 2000, 'before it is dropped')
  await until(async () => !(await isListed(near, far)), DROPPED_MS)
  await listed()
})

t.test('a host that is cut off: what is blocked on it ends', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 3)
  const [near, far, third] = hosts as [Host, Host, Host]
  const { ends } = await block(t, near, far)
  const listed = listRoot(t, near)
  await far.cut()
  await until(async () => !(await isListed(near, far)), DROPPED_MS)
  t.strictSame(await Promise.race([ends, new Promise((resolve) => setTimeout(resolve, 500))]), ALL_DOWN)
  t.match(await near.run('cat $F', { env: { F: near.at(third, 'peek') } }), { status: 0 })
  await listed()
})

t.test('a short cut breaks no call, loses nothing and doubles nothing', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 2)
  const [near, far] = hosts as [Host, Host]
  const A = near.at(far, 'a')
  await near.run('mkdir $A; echo mkchan 3 > $A/ctl; mkdir $A/p; echo run cat > $A/p/ctl', { env: { A } })
  const count = 300
  const receive = `
got = []
def receive():
    while True:
        fd = open('recv')
        data = b''
        while piece := read(fd, 1 << 16): data += piece
        close(fd)
        got.append(data)
call = Call(receive)
out = open('p/stdout')
echoed = b''
while piece := read(out, 1 << 16): echoed += piece
result = call.result(60)
say(json.dumps([result, [int(data) for data in got] == list(range(${count})), echoed.decode()]))`
  const send = `
fd, stdin = open('send', O_WRONLY | O_APPEND), open('p/stdin', O_WRONLY | O_TRUNC)
for n in range(${count}):
    write(fd, b'%d' % n)
    write(stdin, b'%d ' % n)
    time.sleep(0.01)
    if n % 100 == 0: say(n)
close(stdin)
close(fd)
say(command(A, 'close'))`
  const receiver = python(t, near, receive, { A })
  const sender = python(t, near, send, { A })
  for (const n of ['0', '100', '200']) {
    t.equal(await sender.line(), n)
    await far.cut()
    await new Promise((resolve) => setTimeout(resolve, 1200))
    await far.heal()
  }
  t.equal(await sender.line(), 'ok')
  const echoed = `${Array.from({ length: count }, (_, n) => n).join(' ')} `
  t.strictSame(JSON.parse(await receiver.line()), ['ENODATA', true, echoed])
  t.ok(await isListed(near, far))
})

t.test('a server that is stopped holds up only calls to it, and these end', { skip: noMount }, async (t) => {
  const { hosts } = await network(t, 3)
  const [near, stopped, third] = hosts as [Host, Host, Host]
  const [B, C] = [near.at(stopped, 'b'), near.at(third, 'c')]
  await near.run('mkdir $B $C; echo mkchan > $B/ctl; echo mkchan 1 > $C/ctl', { env: { B, C } })
  const listed = listRoot(t, near)
  stopped.server.child.kill('SIGSTOP')
  t.teardown(() => void stopped.server.child.kill('SIGCONT'))
  const script = `
B, C = os.environ['B'], os.environ['C']
start = time.monotonic()
calls = {
    'stat': Call(os.stat, B + '/unknown'),
    'ls': Call(os.listdir, B),
    'mkdir': Call(os.mkdir, B + '/x'),
    'peek': Call(content, B + '/peek'),
    'recv': Call(content, B + '/recv'),
    'ctl': Call(command, B, 'close'),
}
count, longest = 0, 0
while (count < 5 or not all(call.done for call in calls.values())) and time.monotonic() - start < 60:
    before = time.monotonic()
    fd = os.open(C + '/send', O_WRONLY | O_APPEND)
    write(fd, b'x')
    close(fd)
    assert content(C + '/recv') == 'x'
    assert json.loads(content(S + '/peek'))
    count, longest = count + 1, max(longest, time.monotonic() - before)
    time.sleep(0.02)
say(json.dumps(dict(longest=longest, count=count, ends={name: call.result(0) for name, call in calls.items()})))`
  const { line } = python(t, near, script, { B, C })
  const { longest, count, ends } = JSON.parse(await line())
  for (const [name, end] of Object.entries(ends)) t.match(end, /^(ETIMEDOUT|EHOSTDOWN)$/, name)
  t.comment(`other calls went on, ${count} times, each within ${longest} s`)
  t.ok(longest < 4, 'other calls are not held up')
  await listed()
})
