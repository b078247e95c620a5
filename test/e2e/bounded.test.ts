/** Whatever is poured into a server, its memory stays bounded, and what is too much is refused in words. */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { noMount, startServer, type TestServer, until } from '../server.ts'
import { growth, MIB, metric, python, SMALL_HEAP } from './memory.ts'

/** Bytes that wait in a message: in a slot, and on their way to a receiver, each with what the message itself costs. */
const [SLOT_BYTES, STREAM_BYTES] = [33 * 1024, 1.1 * MIB]

/** Does something to the server, which must not take more than so much memory beyond what it had. */
async function within(
  t: Test,
  server: TestServer,
  most: number,
  work: () => Promise<unknown>,
): Promise<void> {
  const grown = await growth(server, work)
  t.ok(grown < most, `it took ${grown} MiB`)
}

// Much is done here; a busy machine needs its time for it.
t.setTimeout(300_000)

t.test('a bounded server', { skip: noMount }, async (t) => {
  const server = await startServer(t, { env: SMALL_HEAP })
  const sh = (anchor: string, script: string) => server.sh(script, { env: { A: anchor }, limit: 150_000 })
  // Nothing here is measured against a server that has never done a thing.
  await sh(await server.anchor('run head -c 50000000 /dev/zero'), 'cat $A/stdout')

  await t.test('a process that writes what nobody reads is held up', (t) =>
    within(t, server, 60, async () => {
      const anchor = await server.anchor('run head -c 10G /dev/zero')
      const pid = JSON.parse((await sh(anchor, 'cat $A/peek')).stdout).Pid
      const proc = (file: string): string => readFileSync(`/proc/${pid}/${file}`, 'latin1')
      const written = (): number => Number(/^wchar: (\d+)$/m.exec(proc('io'))?.[1])
      await until(() => written() > 0 && /pipe_write/.test(proc('wchan')))
      await sh(anchor, 'head -c 1000 $A/stdout >/dev/null; ls $S')
      await until(() => /pipe_write/.test(proc('wchan')))
      t.ok(written() < 2 * MIB, `${written()} bytes of 10 GB were written`)
      await sh(anchor, 'echo kill > $A/ctl')
    }),
  )

  await t.test('"log" keeps the last bytes of 2 GB', (t) =>
    within(t, server, 80, async () => {
      const anchor = await server.anchor(
        'mkproc {"Path":"head","Args":["-c","2G","/dev/zero"],"Stdout":"log"}',
      )
      t.equal((await sh(anchor, 'cat $A/wait; wc -c < $A/stdout')).stdout, `0\n${MIB}\n`)
    }),
  )

  await t.test('"discard", from the start or later, drops 2 GB', (t) =>
    within(t, server, 60, async () => {
      const discarding = await server.anchor(
        'mkproc {"Path":"head","Args":["-c","2G","/dev/zero"],"Stdout":"discard"}',
      )
      t.equal((await sh(discarding, 'cat $A/wait $A/stdout')).stdout, '0\n')
      const later = await server.anchor('run head -c 2G /dev/zero')
      t.equal((await sh(later, 'echo discard stdout > $A/ctl; cat $A/wait $A/stdout')).stdout, '0\n')
    }),
  )

  await t.test('a message without end waits for its receiver, and goes at its pace', (t) =>
    within(t, server, 60, async () => {
      const anchor = await server.anchor('mkchan 1')
      const sender = sh(anchor, 'yes > $A/send')
      await until(async () => (await metric(server, 'message_bytes')) > 32_000)
      t.ok((await metric(server, 'message_bytes')) < SLOT_BYTES, 'a slot of it is kept')
      const most = await python(
        server,
        anchor,
        `
recv = open('recv', O_RDONLY)
most = 0
def waiting():
  metrics = open(environ['S'] + '/metrics', O_RDONLY)
  text = read(metrics, 100000).decode()
  close(metrics)
  return int(text.split('\\ncircuit_message_bytes ')[1].split()[0])
for step in range(300):
  read(recv, 20000)
  most = max(most, waiting())
print(most)`,
      )
      t.ok(Number(most) < STREAM_BYTES, `up to ${most.trim()} bytes waited for a slow receiver`)
      t.not((await sender).status, 0, 'the receiver left, and the sender failed')
      t.equal(await metric(server, 'message_bytes'), 0)
    }),
  )

  await t.test('messages in slots have a share of memory; beyond it senders wait', (t) =>
    within(t, server, 340, async () => {
      const anchor = await server.anchor('mkchan 1000000')
      const sent = await python(
        server,
        anchor,
        `
send, sent = open('send', O_WRONLY | O_APPEND | O_NONBLOCK), 0
try:
  while True: sent += write(send, bytes(32768))
except BlockingIOError: print(sent)`,
      )
      t.ok(Number(sent) > 200 * MIB && Number(sent) <= 256 * MIB, `${sent.trim()} bytes were taken`)
      t.equal((await sh(await server.anchor(), 'echo run true > $A/ctl')).status, 0, 'all else goes on')
      await sh(anchor, 'echo scrub > $A/ctl')
      t.equal(await metric(server, 'message_bytes'), 0)
    }),
  )

  await t.test('a command without end is EFBIG', (t) =>
    within(t, server, 60, async () => {
      const anchor = await server.anchor()
      const endless = `{ printf '%s' "$C"; tr '\\0' x < /dev/zero; } | dd bs=65536 iflag=fullblock of=$A/ctl`
      for (const start of ['mkproc {"Path":"', 'run "', 'run ']) {
        const { status, stderr } = await server.sh(endless, { env: { A: anchor, C: start } })
        t.not(status, 0)
        t.match(stderr, /File too large/, start)
      }
      t.match(await sh(anchor, 'cat $A/error'), { stdout: /longer than 1048576 bytes/ })
    }),
  )

  await t.test('comments, empty lines and failing commands of any number', (t) =>
    within(t, server, 60, async () => {
      const anchor = await server.anchor()
      const pour = (text: string) => sh(anchor, `yes '${text}' | head -c 100M | dd bs=64K of=$A/ctl`)
      for (const text of ['', '# nothing']) t.equal((await pour(text)).status, 0)
      t.match(await pour(`mkproc {"${'x'.repeat(200)}":1}`), { status: 1, stderr: /Invalid argument/ })
    }),
  )

  await t.test('the log and error keep little of long commands', (t) =>
    within(t, server, 100, async () => {
      const anchor = await server.anchor()
      await python(
        server,
        anchor,
        `
x = 'x' * 100000
for text in ['mkchan ' + x, 'mkproc {"' + x + '":1}', x]:
  for n in range(300): assert command('.', text)`,
      )
      t.ok(Number((await sh(anchor, 'cat $S/log $A/error | wc -c')).stdout) < 4 * MIB)
    }),
  )

  await t.test('a reader of one byte at a time', (t) =>
    within(t, server, 40, async () => {
      const reading = `read = os.read\nn = 0\nwhile read(file, 1): n += 1\nprint(n)`
      const output = await server.anchor('run head -c 5000 /dev/zero')
      t.equal(await python(server, output, `file = open('stdout', O_RDONLY)\n${reading}`), '5000\n')
      const channel = await server.anchor('mkchan 1')
      const sender = sh(channel, 'head -c 5000 /dev/zero > $A/send')
      t.equal(await python(server, channel, `file = open('recv', O_RDONLY)\n${reading}`), '5000\n')
      t.equal((await sender).status, 0)
    }),
  )

  await t.test('100,000 empty messages take the room of one', (t) =>
    within(t, server, 40, async () => {
      const anchor = await server.anchor('mkchan')
      const sent = await sh(anchor, 'n=0; while [ $n -lt 100000 ]; do : > $A/send; n=$((n + 1)); done')
      t.equal(sent.status, 0)
      t.ok((await metric(server, 'message_bytes')) < 1024)
      t.match(await sh(anchor, 'cat $A/peek'), { stdout: '"NumSend": 100000' })
      t.equal((await sh(anchor, 'wc -l < $S/log')).stdout, '10000\n', 'and the log forgets the oldest')
    }),
  )
})
