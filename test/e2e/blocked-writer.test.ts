/** A writer that is blocked in a file holds up nobody else there: not those who write, open, stat or list. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { noMount, startServer, type TestServer, until } from '../server.ts'
import { metric } from './measure.ts'

/** What is held up would wait for longer than this; what is not takes a few ms. */
const AT_ONCE_MS = 3000

/** Runs scripts while others are blocked. $A is the anchor. */
class Bystander {
  readonly #t: Test
  readonly #server: TestServer
  readonly anchor: string

  constructor(t: Test, server: TestServer, anchor: string) {
    this.#t = t
    this.#server = server
    this.anchor = anchor
  }

  /** Starts a script that blocks, and waits until `count` calls are blocked. */
  async block(script: string, count: number): Promise<ChildProcess> {
    const env = { ...process.env, A: this.anchor }
    const child = spawn('bash', ['-c', `exec ${script}`], { env, stdio: 'ignore', cwd: '/' })
    this.#t.teardown(() => child.kill('SIGKILL'))
    await this.waiting(count)
    return child
  }

  waiting(count: number): Promise<void> {
    return until(async () => (await metric(this.#server, 'fuse_requests_waiting')) === count)
  }

  /** The script ends soon, with this status and output. */
  async expect(script: string, status: number, said: string | RegExp = ''): Promise<void> {
    const start = performance.now()
    const outcome = await this.#server.sh(`exec 2>&1; ${script}`, { env: { A: this.anchor, LC_ALL: 'C' } })
    const took = performance.now() - start
    const what = `${script}: after ${took.toFixed(0)} ms`
    this.#t.ok(outcome.status === status && took < AT_ONCE_MS, what, outcome)
    this.#t.match(outcome.stdout, said, script)
  }

  /** What anybody may do with a file that somebody is blocked in. */
  async expectFree(file: string): Promise<void> {
    await this.expect(`stat -c %F $A/${file}`, 0, 'regular empty file\n')
    await this.expect('ls -l $A > /dev/null', 0)
    await this.expect(`test -w $A/${file}`, 0)
    await this.expect(`touch $A/${file} && truncate -s 0 $A/${file} && chmod 600 $A/${file}`, 0)
    await this.expect(`: >> $A/${file}`, 0)
    await this.expect('cat $A/peek > /dev/null && cat $A/help > /dev/null', 0)
    await this.expect('mkdir $A/child && rmdir $A/child', 0)
  }
}

const dd = (file: string, flags: string): string =>
  `printf x | dd of=$A/${file} conv=notrunc oflag=${flags} status=none`

t.test('blocked in send', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const by = new Bystander(t, server, await server.anchor('mkchan 1'))
  await by.expect('echo one > $A/send', 0)
  const first = await by.block('echo first > $A/send', 1)
  await by.expectFree('send')
  await by.expect(dd('send', 'nonblock'), 1, /temporarily unavailable/)
  await by.expect(dd('send', 'nonblock,append'), 1, /temporarily unavailable/)
  const second = await by.block('echo second >> $A/send', 2)
  const third = await by.block('echo third > $A/send', 3)
  await by.expectFree('send')
  second.kill('SIGKILL')
  await once(second, 'exit')
  await by.waiting(2)
  await by.expect('for n in 1 2 3; do cat $A/recv; done', 0, 'one\nfirst\nthird\n')
  if (first.exitCode === null) await once(first, 'exit')
  if (third.exitCode === null) await once(third, 'exit')
  await by.expect('grep NumSend $A/peek', 0, /: 3,/)
})

t.test('blocked in send, with nobody to receive', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const by = new Bystander(t, server, await server.anchor('mkchan'))
  await by.block('cat /dev/zero > $A/send', 1)
  await by.expectFree('send')
  await by.expect(dd('send', 'nonblock'), 1, /temporarily unavailable/)
  await by.expect('echo close > $A/ctl; echo two > $A/send', 2, /Broken pipe/)
  await by.expect('echo scrub > $A/ctl', 0)
  await by.waiting(0)
})

t.test('blocked in stdin', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const by = new Bystander(t, server, await server.anchor('run sh -c "kill -STOP \\$\\$; tail -c 2"'))
  await by.expect(
    'dd if=/dev/zero of=$A/stdin oflag=nonblock,append conv=notrunc bs=4k 2>&1 | tail -1',
    0,
    /k?B/,
  )
  await by.block('printf a >> $A/stdin', 1)
  await by.expectFree('stdin')
  await by.expect(dd('stdin', 'nonblock,append'), 1, /temporarily unavailable/)
  const killed = await by.block('printf b >> $A/stdin', 2)
  await by.block('printf c >> $A/stdin', 3)
  killed.kill('SIGKILL')
  await by.waiting(2)
  await by.expectFree('stdin')
  await by.expect('echo signal CONT > $A/ctl', 0)
  await by.waiting(0)
  await by.expect('echo close stdin > $A/ctl; cat $A/stdout', 0, 'ac')
})

t.test('blocked in ctl', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const by = new Bystander(t, server, await server.anchor())
  await by.expect('mkdir $A/older && echo run sleep 1000 > $A/older/ctl', 0)
  // A command takes as long as the directory that it names does not answer.
  const other = await startServer(t)
  other.child.kill('SIGSTOP')
  t.teardown(() => other.child.kill('SIGCONT'))
  const command = JSON.stringify({ Path: 'sleep', Args: ['1000'], Dir: other.self })
  const writer = await by.block(`echo 'mkproc ${command}' > $A/ctl`, 1)
  await by.expectFree('ctl')
  await by.expect('/bin/echo run true > $A/ctl', 1, /File exists/)
  await by.expect('/bin/echo nonsense > $A/ctl', 1, /Invalid argument/)
  await by.expect('grep -c nonsense $A/error', 0, '1\n')
  await by.expect('mkdir $A/child && echo run true > $A/child/ctl && cat $A/child/wait', 0, '0\n')
  await by.expect('echo kill > $A/older/ctl; cat $A/older/wait', 0, '137\n')

  writer.kill('SIGINT')
  const start = performance.now()
  await once(writer, 'exit')
  t.ok(performance.now() - start < 1000, 'a signal ends the writer')
  await by.waiting(0)
  other.child.kill('SIGCONT')
  // The start can't be taken back before the directory answers; until then the anchor is not free.
  const env = { A: by.anchor }
  await until(async () => (await server.sh('echo run true > $A/ctl', { env })).status === 0)
  await by.expect('cat $A/wait', 0, '0\n')
})
