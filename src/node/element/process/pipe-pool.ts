/**
 * Pipes for children, made a batch at a time: Node has no pipe(2), and gives children socket pairs, on which
 * `echo > /dev/stdout` fails.
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmdirSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants

/** Both ends of a pipe: the child's blocks, the server's does not. */
export interface Pair {
  readonly child: number
  readonly server: number
}

type Direction = 'input' | 'output'

/** Made at a time; a child has one for input and two for output. */
const BATCH: Readonly<Record<Direction, number>> = { input: 16, output: 32 }
/**
 * Bytes that a pipe takes: a read brings all that is in it, and costs the kernel the same for little as for much. The
 * kernel's own size is 64 KiB. Users other than root have room for few that are larger; beyond that all that they make are
 * tiny (pipe(7), pipe-user-pages-soft), so theirs are left as they are.
 */
const PIPE_BYTES = process.getuid?.() === 0 ? 256 << 10 : 0

/** Makes pipes, sets their size (F_SETPIPE_SZ of fcntl(2) is 1031), says their descriptors, and holds them until its input ends. */
const HOLD_PIPES = `
my ($count, $bytes) = @ARGV;
my @held;
for (1 .. $count) {
  pipe my $reader, my $writer or exit 1;
  fcntl $writer, 1031, $bytes + 0 if $bytes;
  push @held, $reader, $writer;
}
$| = 1;
print join(' ', map { fileno $held[2 * $_] } 0 .. $count - 1), "\n";
readline STDIN`

export class PipePool {
  readonly #pairs: Readonly<Record<Direction, Pair[]>> = { input: [], output: [] }
  #filling: Promise<void> | undefined

  /** Makes what is missing, ahead of need. */
  async refill(): Promise<void> {
    const { input, output } = this.#pairs
    if (input.length < BATCH.input / 2 || output.length < BATCH.output / 2) await this.#fill()
  }

  /** @throws the system's error when out of descriptors */
  async take(direction: Direction): Promise<Pair> {
    for (;;) {
      const pair = this.#pairs[direction].pop()
      if (pair) return pair
      await this.#fill()
    }
  }

  /** Those who come while it is at work wait for the same batch. */
  #fill(): Promise<void> {
    this.#filling ??= this.#makeBatch().finally(() => {
      this.#filling = undefined
    })
    return this.#filling
  }

  async #makeBatch(): Promise<void> {
    const missing = (direction: Direction): number =>
      Math.max(0, BATCH[direction] - this.#pairs[direction].length)
    const wanted = { input: missing('input'), output: missing('output') }
    const made = (await makePipes(wanted)) ?? makeFifos(wanted)
    this.#pairs.input.push(...made.input)
    this.#pairs.output.push(...made.output)
  }
}

type Batch = Readonly<Record<Direction, Pair[]>>
type Counts = Readonly<Record<Direction, number>>

/**
 * A Perl (see docs/dependencies.md) makes them, and they are opened anew through its /proc/PID/fd. Undefined where
 * there is none.
 */
async function makePipes(counts: Counts): Promise<Batch | undefined> {
  const count = counts.input + counts.output
  const perl = spawn('perl', ['-e', HOLD_PIPES, String(count), String(PIPE_BYTES)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
    env: { PATH: process.env.PATH },
  })
  try {
    const line = await new Promise<string>((resolve, reject) => {
      perl.on('error', reject)
      perl.on('exit', () => reject(new Error('perl ended')))
      perl.stdin.on('error', reject)
      createInterface({ input: perl.stdout }).once('line', resolve)
    })
    const paths = line.split(' ').map((fd) => `/proc/${perl.pid}/fd/${fd}`)
    return openBatch(paths, counts)
  } catch (error) {
    if (isExhaustion(error)) throw error
    return undefined
  } finally {
    perl.stdin?.end()
  }
}

const isExhaustion = (error: unknown): boolean =>
  ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'].includes((error as NodeJS.ErrnoException).code ?? '')

/** Not as good for input: to open /dev/stdin anew, as programs do that are given this name, waits for a writer there (fifo_open). */
function makeFifos(counts: Counts): Batch {
  const dir = mkdtempSync(join(tmpdir(), 'circuit-pipes-'))
  const paths = Array.from({ length: counts.input + counts.output }, (_, n) => join(dir, String(n)))
  try {
    const made = spawnSync('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore', cwd: '/' })
    if (made.error) throw made.error
    return openBatch(paths, counts)
  } finally {
    for (const path of paths) unlinkIfThere(path)
    rmdirSync(dir)
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** All or none. */
function openBatch(paths: readonly string[], counts: Counts): Batch {
  const input = openAll(paths.slice(0, counts.input), 'input')
  try {
    return { input, output: openAll(paths.slice(counts.input), 'output') }
  } catch (error) {
    for (const { child, server } of input) for (const fd of [child, server]) closeSync(fd)
    throw error
  }
}

/** All or none. */
function openAll(paths: readonly string[], direction: Direction): Pair[] {
  const opened: number[] = []
  const temporary: number[] = []
  const open = (path: string, flags: number, list = opened): number => {
    const fd = openSync(path, flags)
    list.push(fd)
    return fd
  }
  try {
    return paths.map((path) => {
      // Opening one end of a FIFO blocks until the other is open: a non-blocking reader comes first.
      const reader = open(path, O_RDONLY | O_NONBLOCK, direction === 'input' ? temporary : opened)
      if (!fstatSync(reader).isFIFO()) throw new Error('not a pipe')
      if (direction === 'output') return { server: reader, child: open(path, O_WRONLY) }
      return { server: open(path, O_WRONLY | O_NONBLOCK), child: open(path, O_RDONLY) }
    })
  } catch (error) {
    for (const fd of opened) closeSync(fd)
    throw error
  } finally {
    for (const fd of temporary) closeSync(fd)
  }
}
