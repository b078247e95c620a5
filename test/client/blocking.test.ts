/** Whatever of the client can block: it completes, is aborted, and ends when its server goes. */
import t from 'tap'
import { type CallOptions, type Circuit, connect } from '../../src/index.ts'
import { until } from '../server.ts'
import { client, startBare, startBareCircuit } from './servers.ts'

interface Blocking {
  /** Prepares an anchor. */
  readonly command: string
  /** Blocks until `release`. */
  block(circuit: Circuit, anchor: string, options: CallOptions): Promise<unknown>
  release(circuit: Circuit, anchor: string): Promise<unknown>
  /** What it then gives. */
  readonly gives: unknown
}

const MORE_THAN_A_PIPE = Buffer.alloc(4 << 20)

const calls: Readonly<Record<string, Blocking>> = {
  'read of recv': {
    command: 'mkchan',
    block: (circuit, anchor, options) => circuit.readText(`${anchor}/recv`, options),
    release: (circuit, anchor) => circuit.writeText(`${anchor}/send`, 'message'),
    gives: 'message',
  },
  'read of stdout': {
    command: 'run sh -c "read x; echo $x"',
    block: (circuit, anchor, options) => circuit.readText(`${anchor}/stdout`, options),
    release: (circuit, anchor) => circuit.writeText(`${anchor}/stdin`, 'line\n'),
    gives: 'line\n',
  },
  'read of wait': {
    command: 'run cat',
    block: (circuit, anchor, options) => circuit.readText(`${anchor}/wait`, options),
    release: (circuit, anchor) => circuit.command(anchor, 'close stdin'),
    gives: '0\n',
  },
  'write to send': {
    command: 'mkchan',
    block: (circuit, anchor, options) => circuit.writeText(`${anchor}/send`, 'message', options),
    release: (circuit, anchor) => circuit.readText(`${anchor}/recv`),
    gives: undefined,
  },
  'write to stdin': {
    command: 'run sh -c "kill -STOP $$; cat >/dev/null"',
    async block(circuit, anchor, options) {
      const file = await circuit.open(`${anchor}/stdin`, 'w')
      try {
        const all = await file.write(MORE_THAN_A_PIPE, options)
        options.signal?.throwIfAborted()
        return all
      } finally {
        await file.close()
      }
    },
    async release(circuit, anchor) {
      await until(async () => /"stopped"/.test(JSON.stringify(await circuit.peek(anchor))))
      await circuit.command(anchor, 'signal CONT')
    },
    gives: 4 << 20,
  },
  'ready to read': {
    command: 'mkchan 1',
    async block(circuit, anchor, options) {
      const file = await circuit.open(`${anchor}/recv`, 'r')
      try {
        return await file.ready('read', options)
      } finally {
        await file.close()
      }
    },
    release: (circuit, anchor) => circuit.writeText(`${anchor}/send`, 'message'),
    gives: { readable: true, writable: false, hangup: false },
  },
}

const [near, far] = await startBareCircuit(t, ['near', 'far'])
const circuit = await client(t, { url: near.url })
const places = { 'on the server that was dialled': near.id, 'on another': far.id }
let anchors = 0

async function prepare(server: string, command: string): Promise<string> {
  const anchor = `/${server}/b${++anchors}`
  await circuit.make(anchor)
  await circuit.command(anchor, command)
  return anchor
}

/** Begins a call, and gives it time to block. */
async function begin(
  { block }: Blocking,
  anchor: string,
  signal?: AbortSignal,
): Promise<{ readonly end: Promise<unknown> }> {
  const end = block(circuit, anchor, { signal })
  end.catch(() => {})
  for (let trips = 0; trips < 4; trips++) await circuit.stat(anchor)
  if ((await Promise.race([end, 'blocked'])) !== 'blocked') throw new Error('it did not block')
  return { end }
}

for (const [name, call] of Object.entries(calls))
  for (const [where, server] of Object.entries(places)) {
    t.test(`${name} ${where} completes`, async (t) => {
      const anchor = await prepare(server, call.command)
      const { end } = await begin(call, anchor)
      const released = call.release(circuit, anchor)
      t.strictSame(await end, call.gives)
      await released
    })

    t.test(`${name} ${where} is aborted, and has taken nothing`, async (t) => {
      const anchor = await prepare(server, call.command)
      const abort = new AbortController()
      const reason = new Error('enough')
      const { end } = await begin(call, anchor, abort.signal)
      abort.abort(reason)
      t.equal(await end.catch((error) => error), reason)
      t.equal(await call.block(circuit, anchor, { signal: abort.signal }).catch((error) => error), reason)
      if (name === 'write to stdin') return
      const again = call.block(circuit, anchor, {})
      await call.release(circuit, anchor)
      t.strictSame(await again, call.gives)
    })
  }

t.test('a server that does not answer is given up at once', async (t) => {
  const hung = await startBare(t, 'hung')
  const circuit = await client(t, { url: hung.url })
  const anchor = `/${hung.id}/x`
  await circuit.make(anchor)
  await circuit.command(anchor, 'mkchan')
  const recv = await circuit.open(`${anchor}/recv`, 'r')
  hung.child.kill('SIGSTOP')
  const reason = new Error('enough')
  const unanswered: Readonly<Record<string, (options: CallOptions) => Promise<unknown>>> = {
    list: (options) => circuit.list('/', options),
    stat: (options) => circuit.stat(anchor, options),
    make: (options) => circuit.make(`${anchor}/y`, options),
    remove: (options) => circuit.remove(anchor, options),
    open: (options) => circuit.open(`${anchor}/recv`, 'r', options),
    peek: (options) => circuit.peek(anchor, options),
    command: (options) => circuit.command(anchor, 'close', options),
    servers: (options) => circuit.servers(options),
    resolve: (options) => circuit.resolve('/by-name/hung', options),
    read: (options) => recv.read(undefined, options),
    connect: (options) => connect({ url: hung.url, ...options }),
  }
  await Promise.all(
    Object.entries(unanswered).map(async ([name, call]) => {
      const abort = new AbortController()
      const end = call({ signal: abort.signal })
      setTimeout(() => abort.abort(reason), 20)
      t.equal(await end.catch((error) => error), reason, name)
    }),
  )
  hung.child.kill('SIGCONT')
})

t.test('when a server goes, whatever is blocked on it fails', async (t) => {
  const blocked = await Promise.all(
    Object.entries(calls).map(async ([name, call]) => {
      const anchor = await prepare(far.id, call.command)
      const { end } = await begin(call, anchor)
      return { name, end }
    }),
  )
  await far.kill()
  for (const { name, end } of blocked) {
    const outcome = await end.catch((error) => error)
    // poll(2) does not fail: it says that there is something to be read, an error.
    t.match(
      outcome,
      name === 'ready to read' ? { hangup: true } : { code: 'EHOSTDOWN', server: far.id },
      name,
    )
  }
})

t.test('when the server that was dialled goes, everything fails, and later calls dial anew', async (t) => {
  const [first, second] = await startBareCircuit(t, ['first', 'second'])
  const circuit = await client(t)
  const dialled = circuit.server === first.id ? first : second
  const blocked = await Promise.all(
    Object.entries(calls).map(async ([name, call], n) => {
      const anchor = `/${dialled.id}/c${n}`
      await circuit.make(anchor)
      await circuit.command(anchor, call.command)
      const end = call.block(circuit, anchor, {})
      end.catch(() => {})
      return { name, end }
    }),
  )
  for (let trips = 0; trips < 4; trips++) await circuit.list('/')
  await dialled.kill()
  for (const { name, end } of blocked) {
    const outcome = await end.catch((error) => error)
    t.match(outcome, name === 'ready to read' ? { hangup: true } : { code: 'EHOSTDOWN' }, name)
  }
  t.match(await circuit.list('/self'), [{ name: 'ctl' }], 'another one of this host')
  t.not(circuit.server, dialled.id)
})
