/**
 * Receivers that are killed at about the time a message is sent to them: no message is lost, and none is given again
 * after a receiver that ended in order.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { noMount, startServer, type TestServer } from '../server.ts'
import { compile, run } from './programs.ts'

const PYTHON = 'import os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); os.write(1, os.read(fd, 100))'
const PYTHON_DIES = `import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); ${PYTHON}`
const NODE_SYNC = `
const fs = require('fs'), fd = fs.openSync(process.argv[1]), bytes = Buffer.alloc(100)
fs.writeSync(1, bytes.subarray(0, fs.readSync(fd, bytes)))`
/** Its reads are made by threads of a pool. */
const NODE_STREAM = `
const fs = require('fs')
fs.createReadStream(process.argv[1]).on('data', (bytes) => fs.writeSync(1, bytes))`
/** It keeps the file open until it has printed: a receiver that closes before has taken the message. */
const BASH = 'exec 3< "$1"; read -r line <&3; echo "$line"'

/** Words of a receiver, to which the path of `recv` is added, and how many are raced. */
const RECEIVERS: Readonly<Record<string, { words: readonly string[]; rounds: number }>> = {
  'a program in C': { words: [], rounds: 530 },
  cat: { words: ['cat'], rounds: 250 },
  'read of bash': { words: ['bash', '-c', BASH, 'bash'], rounds: 150 },
  Python: { words: ['/usr/bin/python3', '-c', PYTHON_DIES], rounds: 46 },
  'Node, fs.readSync': { words: [process.execPath, '-e', NODE_SYNC], rounds: 12 },
  'Node, a stream': { words: [process.execPath, '-e', NODE_STREAM], rounds: 12 },
}

interface Outcomes {
  readonly finished: number
  readonly killed: number
  /** Back at the head of the channel. */
  readonly kept: number
  /** Of these, printed before the kill. */
  readonly seen: number
  readonly lost: number
  readonly doubled: number
  readonly wrong: number
}

t.test('a message sent to a receiver that is being killed', { skip: noMount }, async (t) => {
  const race = compile('race')
  const server = await startServer(t)
  const total = { finished: 0, kept: 0 }
  for (const [name, { words, rounds }] of Object.entries(RECEIVERS)) {
    const { finished, kept, ...outcomes } = await raceReaders(server, race, rounds, words)
    t.comment(name, { finished, kept, ...outcomes })
    t.match(outcomes, { lost: 0, doubled: 0, wrong: 0 }, name)
    total.finished += finished
    total.kept += kept
  }
  t.ok(total.finished > 50 && total.kept > 50, 'it was a race')
  t.match((await server.sh('cat $S/metrics')).stdout, /fuse_requests_waiting 0\n/, 'nobody is left')
})

async function raceReaders(
  server: TestServer,
  race: string,
  rounds: number,
  words: readonly string[],
): Promise<Outcomes> {
  const anchor = await server.anchor('mkchan 1')
  const seed = String(process.pid)
  const args = ['readers', anchor, `${server.self}/metrics`, String(rounds), seed, ...words]
  return JSON.parse(await run(race, args))
}

t.test(
  'a message that was read by a program which ended is not given again',
  { skip: noMount },
  async (t) => {
    const server = await startServer(t)
    const env = { ...process.env, A: await server.anchor('mkchan 1') }
    // dd reads and ends; the shell, and what it runs then, have the file open still when they are killed.
    const script = '{ dd bs=100 count=1 status=none; exec sleep 1000; } < "$A/recv"'
    const stdio = ['ignore', 'pipe', 'ignore'] as const
    const reader = spawn('sh', ['-c', script], { env, stdio: [...stdio], detached: true, cwd: '/' })
    await server.sh('echo once > "$A/send"', { env: { A: env.A } })
    t.equal(String(await once(reader.stdout, 'data')), 'once\n')
    process.kill(-(reader.pid ?? 0), 'SIGKILL')
    await once(reader, 'close')
    const { stdout } = await server.sh('dd if="$A/recv" iflag=nonblock 2>&1; grep NumRecv "$A/peek"', {
      env: { A: env.A },
    })
    t.match(stdout, /Resource temporarily unavailable/)
    t.match(stdout, /"NumRecv": 1/)
  },
)
