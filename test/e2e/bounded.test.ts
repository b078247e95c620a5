/** Whatever is poured into a server, its memory stays bounded, and what is too much is refused in words. */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { noMount, type ShellOptions, startServer, type TestServer, until } from '../server.ts'

const MIB = 1 << 20

const memory = (server: TestServer, field: 'VmRSS' | 'VmHWM'): number => {
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'latin1')
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
}

/** The most memory that the server has taken, beyond what it had, while something was done: in MiB. */
async function growth(server: TestServer, work: () => Promise<void>): Promise<number> {
  const before = memory(server, 'VmRSS')
  // Forgets the peak so far: proc_pid_clear_refs(5).
  writeFileSync(`/proc/${server.child.pid}/clear_refs`, '5')
  await work()
  return (memory(server, 'VmHWM') - before) / MIB
}

const metric = async (server: TestServer, name: string): Promise<number> =>
  Number(new RegExp(`^circuit_${name} (\\d+)$`, 'm').exec((await server.sh('cat $S/metrics')).stdout)?.[1])

/** Runs Python on an anchor, as its working directory. */
const python = async (server: TestServer, anchor: string, program: string, options: ShellOptions = {}) => {
  const script = `import os, json\nfrom os import *\nchdir(environ['A'])\n${program}`
  const { status, stdout, stderr } = await server.sh('python3 -c "$P"', {
    limit: 60_000,
    ...options,
    env: { A: anchor, P: script },
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

t.test('a bounded server', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  // Nothing here is measured against a server that has never done a thing.
  await server.sh('cat $A/stdout', { env: { A: await server.anchor('run head -c 50000000 /dev/zero') } })

  await t.test('a process that writes what nobody reads is held up', async (t) => {
    const anchor = await server.anchor('run head -c 10G /dev/zero')
    const pid = JSON.parse((await server.sh('cat $A/peek', { env: { A: anchor } })).stdout).Pid
    const written = (): number =>
      Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1])
    const grown = await growth(server, async () => {
      await until(() => written() > 0)
      await until(() => /^State:\tS/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')))
      await server.sh('head -c 1000 $A/stdout >/dev/null; ls $S', { env: { A: anchor } })
    })
    t.ok(written() < 2 * MIB, `${written()} bytes of 10 GB were written`)
    t.ok(grown < 100, `${grown.toFixed(0)} MiB`)
    await server.sh('echo kill > $A/ctl', { env: { A: anchor } })
  })

  await t.test('"log" keeps the last bytes of 2 GB', async (t) => {
    const grown = await growth(server, async () => {
      const anchor = await server.anchor(
        'mkproc {"Path":"head","Args":["-c","2G","/dev/zero"],"Stdout":"log"}',
      )
      const { stdout } = await server.sh('cat $A/wait; wc -c < $A/stdout', {
        env: { A: anchor },
        limit: 60_000,
      })
      t.equal(stdout, `0\n${MIB}\n`)
    })
    t.ok(grown < 100, `${grown.toFixed(0)} MiB`)
  })

  await t.test('a message without end waits for its receiver', async (t) => {
    const anchor = await server.anchor('mkchan 1')
    const grown = await growth(server, async () => {
      const sender = server.sh('yes > $A/send', { env: { A: anchor } })
      await until(async () => (await metric(server, 'message_bytes')) > 32_000)
      t.ok((await metric(server, 'message_bytes')) < 40_000, 'a slot of it is kept')
      t.equal(
        await python(
          server,
          anchor,
          `f = open('recv', O_RDONLY)\nfor n in range(20): read(f, 100000)\nclose(f)`,
        ),
        '',
      )
      t.not((await sender).status, 0, 'the receiver leaves, and the sender fails')
    })
    t.equal(await metric(server, 'message_bytes'), 0)
    t.ok(grown < 80, `${grown.toFixed(0)} MiB`)
  })

  await t.test('messages in slots have a share of memory; beyond it senders wait', async (t) => {
    const anchor = await server.anchor('mkchan 1000000')
    const grown = await growth(server, async () => {
      const sent = await python(
        server,
        anchor,
        `f = open('send', O_WRONLY | O_APPEND | O_NONBLOCK)
n = 0
try:
  while True: n += write(f, bytes(32768))
except BlockingIOError: print(n)`,
      )
      t.ok(Number(sent) > 200 * MIB && Number(sent) <= 256 * MIB, `${sent.trim()} bytes were taken`)
      t.equal((await server.sh('echo run true > $A/ctl', { env: { A: await server.anchor() } })).status, 0)
    })
    t.ok(grown < 400, `${grown.toFixed(0)} MiB`)
    await server.sh('echo scrub > $A/ctl', { env: { A: anchor } })
    t.equal(await metric(server, 'message_bytes'), 0)
  })

  await t.test('a command without end is EFBIG', async (t) => {
    const anchor = await server.anchor()
    const grown = await growth(server, async () => {
      for (const start of ['mkproc {"Path":"', 'run "', 'run ']) {
        const { status, stderr } = await server.sh(
          `{ printf '%s' "$C"; tr '\\0' x < /dev/zero; } | dd bs=65536 iflag=fullblock of=$A/ctl`,
          {
            env: { A: anchor, C: start },
          },
        )
        t.not(status, 0)
        t.match(stderr, /File too large/, start)
      }
    })
    t.match(await server.sh('cat $A/error', { env: { A: anchor } }), { stdout: /longer than 1048576 bytes/ })
    t.ok(grown < 100, `${grown.toFixed(0)} MiB`)
  })

  await t.test('a reader of one byte at a time', async (t) => {
    const anchor = await server.anchor('run head -c 5000 /dev/zero')
    const grown = await growth(server, async () => {
      const read = `n = 0\nwhile read(f, 1): n += 1\nprint(n)`
      t.equal(await python(server, anchor, `f = open('stdout', O_RDONLY)\n${read}`), '5000\n')
      const channel = await server.anchor('mkchan 1')
      const sender = server.sh('head -c 5000 /dev/zero > $A/send', { env: { A: channel } })
      t.equal(await python(server, channel, `f = open('recv', O_RDONLY)\n${read}`), '5000\n')
      await sender
    })
    t.ok(grown < 80, `${grown.toFixed(0)} MiB`)
  })

  await t.test('empty messages take the room of one', async (t) => {
    const anchor = await server.anchor('mkchan')
    const grown = await growth(server, async () => {
      await python(server, anchor, `for n in range(10000): close(open('send', O_WRONLY | O_TRUNC))`)
    })
    t.ok((await metric(server, 'message_bytes')) < 1024)
    t.match(await server.sh('cat $A/peek', { env: { A: anchor } }), { stdout: '"NumSend": 10000' })
    t.ok(grown < 80, `${grown.toFixed(0)} MiB`)
  })
})

t.test('100,000 anchors, and 10,000 channels', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const anchors = await server.anchor()
  const grown = await growth(server, async () => {
    await python(server, anchors, `for n in range(100000): mkdir(str(n))`, { limit: 120_000 })
    t.equal(await python(server, anchors, `print(len(listdir('.')))`), '100004\n')
  })
  t.ok(grown < 350, `anchors: ${grown.toFixed(0)} MiB`)
  const channels = await growth(server, async () => {
    await python(
      server,
      anchors,
      `for n in range(10000):
  f = open(f'{n}/ctl', O_WRONLY)
  write(f, b'mkchan 3')
  close(f)`,
    )
  })
  t.match(await server.sh('cat $S/metrics'), { stdout: 'circuit_elements{kind="chan"} 10000' })
  t.ok(channels < 150, `channels: ${channels.toFixed(0)} MiB`)
})
