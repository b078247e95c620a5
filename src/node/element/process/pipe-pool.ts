/**
 * Pipes for children, made a batch at a time: Node has no pipe(2), and gives children socket pairs, on which
 * `echo > /dev/stdout` fails.
 */
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmdirSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants

/** Both ends of a pipe: the child's blocks, the server's does not. */
export interface Pair {
  readonly child: number
  readonly server: number
}

/** A batch of pipes for output; a child has two of these and one for input. */
const OUTPUTS = 32
/** Descriptors that a POSIX shell can name: one digit, without the first three. */
const HELD = ['3', '4', '5', '6', '7', '8', '9']

/** Makes a pipe of each here-document, empties it, and holds them all until its input ends. */
const HOLD_PIPES = `exec ${HELD.map((fd) => `${fd}<<E`).join(' ')}
${'x\nE\n'.repeat(HELD.length)}${HELD.map((fd) => `read -r _ <&${fd}`).join('\n')}
echo
read -r _`

export class PipePool {
  readonly #inputs: Pair[] = []
  readonly #outputs: Pair[] = []
  #filling: Promise<void> | undefined

  /** Makes what is missing, ahead of need. */
  async refill(): Promise<void> {
    if (this.#outputs.length < OUTPUTS / 2) this.#outputs.push(...makeFifos(OUTPUTS, 'output'))
    if (this.#inputs.length < HELD.length) await this.#fillInputs()
  }

  /** @throws the system's error when out of descriptors */
  async takeInput(): Promise<Pair> {
    for (;;) {
      const pair = this.#inputs.pop()
      if (pair) return pair
      await this.#fillInputs()
    }
  }

  /** @throws the system's error when out of descriptors */
  takeOutput(): Pair {
    const pair = this.#outputs.pop()
    if (pair) return pair
    this.#outputs.push(...makeFifos(OUTPUTS, 'output'))
    return this.takeOutput()
  }

  /** Those who come while it is at work wait for the same batch. */
  #fillInputs(): Promise<void> {
    this.#filling ??= makePipes()
      .then((pairs) => void this.#inputs.push(...(pairs ?? makeFifos(HELD.length, 'input'))))
      .finally(() => {
        this.#filling = undefined
      })
    return this.#filling
  }
}

/**
 * Pipes for input must be of pipe(2): to open /dev/stdin anew, as programs do that are given this name, waits for a
 * writer where it is a FIFO (fifo_open), for ever if the input has ended already. A shell makes them, one for each
 * here-document, and they are opened through its /proc/PID/fd. Undefined where its here-documents are files, as in
 * old versions of bash.
 */
async function makePipes(): Promise<Pair[] | undefined> {
  const shell = spawn('/bin/sh', ['-c', HOLD_PIPES], {
    stdio: ['pipe', 'pipe', 'ignore'],
    cwd: '/',
    env: {},
  })
  try {
    await new Promise((resolve, reject) => {
      shell.on('error', reject)
      shell.on('exit', () => reject(new Error('the shell ended')))
      shell.stdin.on('error', reject)
      shell.stdout.once('data', resolve)
    })
    return openAll(
      HELD.map((fd) => `/proc/${shell.pid}/fd/${fd}`),
      'input',
    )
  } catch (error) {
    if (isExhaustion(error)) throw error
    return undefined
  } finally {
    shell.stdin?.end()
  }
}

const isExhaustion = (error: unknown): boolean =>
  ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'].includes((error as NodeJS.ErrnoException).code ?? '')

function makeFifos(count: number, direction: 'input' | 'output'): Pair[] {
  const dir = mkdtempSync(join(tmpdir(), 'circuit-pipes-'))
  const paths = Array.from({ length: count }, (_, n) => join(dir, String(n)))
  try {
    const made = spawnSync('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore', cwd: '/' })
    if (made.error) throw made.error
    return openAll(paths, direction)
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
function openAll(paths: readonly string[], direction: 'input' | 'output'): Pair[] {
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
