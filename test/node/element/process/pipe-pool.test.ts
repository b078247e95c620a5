/** Pipes for children: real ones of a good size, and FIFOs where there is no Perl to make them. */
import { execFileSync } from 'node:child_process'
import { closeSync, readSync, writeSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type Pair, PipePool } from '../../../../src/node/element/process/pipe-pool.ts'

/** So many of each that a pool has to make some anew. */
const TAKEN = 40

const PIPE_SIZE = 'open my $pipe, "<&=0"; print fcntl $pipe, 1032, 0'

const pipeSize = ({ child }: Pair): number =>
  Number(execFileSync('perl', ['-e', PIPE_SIZE], { stdio: [child, 'pipe', 'inherit'] }))

const pass = (from: number, to: number): string => {
  const buffer = Buffer.alloc(9)
  writeSync(from, 'through')
  return buffer.toString('latin1', 0, readSync(to, buffer))
}

async function takeMany(t: Test, pool: PipePool, direction: 'input' | 'output'): Promise<Pair[]> {
  const pairs = await Promise.all(Array.from({ length: TAKEN }, () => pool.take(direction)))
  t.teardown(() => {
    for (const { child, server } of pairs) for (const fd of [child, server]) closeSync(fd)
  })
  return pairs
}

async function checkPipes(t: Test): Promise<void> {
  const pool = new PipePool()
  await pool.refill()
  const [inputs, outputs] = await Promise.all([takeMany(t, pool, 'input'), takeMany(t, pool, 'output')])
  t.equal(new Set([...inputs, ...outputs].flatMap(({ child, server }) => [child, server])).size, 4 * TAKEN)
  for (const { child, server } of inputs) t.equal(pass(server, child), 'through')
  for (const { child, server } of outputs) {
    t.equal(pass(child, server), 'through')
    t.throws(
      () => readSync(server, Buffer.alloc(1)),
      { code: 'EAGAIN' },
      'the end of the server does not block',
    )
  }
}

t.test('each pair is a pipe of its own', checkPipes)

t.test('a pipe takes 256 KiB, where the user is root', { skip: process.getuid?.() !== 0 }, async (t) => {
  const [input, output] = await Promise.all([
    takeMany(t, new PipePool(), 'input'),
    takeMany(t, new PipePool(), 'output'),
  ])
  for (const pair of [...input, ...output]) t.equal(pipeSize(pair), 256 << 10)
})

t.test('without Perl they are FIFOs', async (t) => {
  const { PATH = '' } = process.env
  t.teardown(() => {
    process.env.PATH = PATH
  })
  const mkfifo = execFileSync('sh', ['-c', 'command -v mkfifo'], { encoding: 'utf8' }).trim()
  const directory = t.testdir({ mkfifo: t.fixture('symlink', mkfifo) })
  process.env.PATH = directory
  await checkPipes(t)
})
