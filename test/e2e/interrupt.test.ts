/** A signal ends a call that is blocked in any kind of file, within 50 ms, and the element is as it was before. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { noMount, startServer, until } from '../server.ts'
import { median, metric } from './measure.ts'
import { compile, run } from './programs.ts'

/** Calls interrupted for each case. */
const REPETITIONS = 20
const MEDIAN_MS = 50
const WORST_MS = 2000

interface Case {
  /** The command that makes the element; $A is its anchor. */
  readonly element: string
  /** Brings it to where the calls block. $A is the anchor. */
  readonly before?: string
  /** What is interrupted: how the file is opened, its path, and bytes read or written. */
  readonly mode: '<' | '<>' | '>' | '>>'
  readonly file: string
  readonly bytes?: number
  /** A handled signal leaves the call with what it has done so far, or an event that comes just then ends it. */
  readonly partial?: true
  /** A call that is blocked all the time, and goes on undisturbed afterwards; what it prints is part of the result. */
  readonly bystander?: string
  readonly after: string
  readonly result: string
}

const STOPPED = 'run sh -c "kill -STOP \\$\\$; echo out; echo err >&2"'
const LOGGED = JSON.stringify({
  Path: 'sh',
  Args: ['-c', 'kill -STOP $$; echo out'],
  Stdout: 'log',
})
/** Says EAGAIN in words where a call would block. */
const NONBLOCKING = 'dd bs=100 status=none'
const RECEIVE = `${NONBLOCKING} iflag=nonblock if=$A/recv`
const COUNTS = `sed -n 's/^\\t"Num\\(.*\\),*$/\\1/p' $A/peek | tr -d ',\\n'`

const CASES: Readonly<Record<string, Case>> = {
  'recv, one message': {
    element: 'mkchan 1',
    mode: '<',
    file: 'recv',
    bystander: 'cat $A/recv',
    after: `echo one > $A/send; wait; echo two >> $A/send; ${RECEIVE}; ${COUNTS}`,
    result: 'one\ntwo\nSend": 2Recv": 2',
  },
  'recv, one message after the other': {
    element: 'mkchan',
    mode: '<>',
    file: 'recv',
    after: `cat $A/recv & echo one > $A/send; wait; ${COUNTS}`,
    result: 'one\nSend": 1Recv": 1',
  },
  'send with >, its channel full': {
    element: 'mkchan 1',
    before: 'echo one > $A/send',
    mode: '>',
    file: 'send',
    bystander: 'echo two > $A/send',
    after: `cat $A/recv; wait; cat $A/recv; ${COUNTS}`,
    result: 'one\ntwo\nSend": 2Recv": 2',
  },
  'send with >>, nobody receiving': {
    element: 'mkchan',
    mode: '>>',
    file: 'send',
    bystander: 'echo one >> $A/send',
    after: `cat $A/recv; wait; ${COUNTS}`,
    result: 'one\nSend": 1Recv": 1',
  },
  'send with >, a part of it in a slot': {
    element: 'mkchan 1',
    mode: '>',
    file: 'send',
    bytes: 100_000,
    partial: true,
    after: `${RECEIVE} 2>/dev/null || echo none; echo one > $A/send; cat $A/recv; ${COUNTS}`,
    result: 'none\none\nSend": 1Recv": 1',
  },
  'send with >>, a part of it in a slot': {
    element: 'mkchan 1',
    mode: '>>',
    file: 'send',
    bytes: 100_000,
    after: `${RECEIVE} 2>/dev/null || echo none; echo one > $A/send; cat $A/recv; ${COUNTS}`,
    result: 'none\none\nSend": 1Recv": 1',
  },
  'stdin, its pipe full': {
    element: 'run sh -c "kill -STOP \\$\\$; wc -c"',
    before: 'dd if=/dev/zero of=$A/stdin oflag=nonblock,append conv=notrunc bs=4096 2> $T/filled; true',
    mode: '>>',
    file: 'stdin',
    bystander: 'echo >> $A/stdin',
    after: `echo signal CONT > $A/ctl; wait; echo close stdin > $A/ctl
      filled=$(sed -n 's/ bytes.*//p' $T/filled)
      [ $filled -gt 60000 ]; echo $? $(($(cat $A/stdout) - filled))`,
    result: '0 1\n',
  },
  'stdout, nothing there': {
    element: STOPPED,
    mode: '<',
    file: 'stdout',
    bystander: 'cat $A/stdout',
    after: 'echo signal CONT > $A/ctl; wait',
    result: 'out\n',
  },
  'stderr, nothing there': {
    element: STOPPED,
    mode: '<',
    file: 'stderr',
    after: 'echo signal CONT > $A/ctl; cat $A/stderr',
    result: 'err\n',
  },
  'stdout kept as a log': {
    element: `mkproc ${LOGGED}`,
    mode: '<',
    file: 'stdout',
    bystander: 'cat $A/stdout',
    after: 'echo signal CONT > $A/ctl; wait; cat $A/stdout',
    result: 'out\nout\n',
  },
  wait: {
    element: STOPPED,
    mode: '<',
    file: 'wait',
    bystander: 'cat $A/wait',
    after: 'echo signal KILL > $A/ctl; wait; cat $A/wait',
    result: '137\n137\n',
  },
  events: {
    element: 'mkchan',
    mode: '<',
    file: '../events',
    partial: true,
    bystander: 'grep -m 1 -o afterwards $A/../events',
    after: 'mkdir $A/afterwards; wait',
    result: 'afterwards\n',
  },
}

t.test('a signal ends a blocked call', { skip: noMount }, async (t) => {
  const interrupt = compile('interrupt')
  const server = await startServer(t)
  const measure = async (file: string, mode: string, bytes = 4096, signals = 4): Promise<number[]> => {
    const numbers = [bytes, REPETITIONS, signals].map(String)
    const times: number[] = JSON.parse(await run(interrupt, [file, mode, ...numbers]))
    return times
  }
  const scratch = mkdtempSync(join(tmpdir(), 'interrupt-'))
  const fifo = join(scratch, 'fifo')
  execFileSync('mkfifo', [fifo])
  const floor = median(await measure(fifo, '<>'))
  t.comment(`a FIFO: ${floor} ms`)
  const blocked = (count: number): Promise<void> =>
    until(async () => (await metric(server, 'fuse_requests_waiting')) === count)

  for (const [name, { element, before = 'true', bystander, ...rest }] of Object.entries(CASES)) {
    const anchor = await server.anchor(element)
    const shell = (script: string) => server.sh(script, { env: { A: anchor, T: scratch } })
    await shell(before)
    // A bystander is a job of a shell of its own, which goes on with `after` when it is told to.
    const go = join(scratch, 'go')
    execFileSync('mkfifo', [go])
    const end = shell(`exec 2>&1; ${bystander ? `${bystander} &` : ''} read line < $T/go; ${rest.after}`)
    if (bystander) await blocked(1)
    const times = await measure(join(anchor, rest.file), rest.mode, rest.bytes, rest.partial ? 3 : 4)
    await blocked(bystander ? 1 : 0)
    await shell('echo > $T/go; rm $T/go')
    t.equal((await end).stdout, rest.result, `${name}: the element is as it was`)
    const worst = Math.max(...times)
    t.ok(
      median(times) < MEDIAN_MS + floor && worst < WORST_MS,
      `${name}: gone after ${median(times)} ms, at most ${worst} ms`,
    )
  }
  await until(async () => (await metric(server, 'fuse_open_files')) === 0)
  t.equal(await metric(server, 'fuse_requests_waiting'), 0, 'nobody is left')
})
