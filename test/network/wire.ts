/** A wire that delays, jitters and loses frames, in the place of a host's cable: wire.c, compiled when first used. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SOURCE = fileURLToPath(new URL('../../../test/network/wire.c', import.meta.url))

/** What a wire does to each frame, in either direction. */
export interface WireQuality {
  /** Delay in ms. */
  readonly ms?: number
  /** The delay is that, and up to so many ms more or less: frames overtake each other. */
  readonly jitterMs?: number
  /** The share of frames that are lost, of 1. */
  readonly loss?: number
}

let program: Promise<string> | undefined

/** The path of the compiled program. */
export function wireProgram(): Promise<string> {
  const compile = async (): Promise<string> => {
    const file = join(mkdtempSync(join(tmpdir(), 'circuit-wire-')), 'wire')
    await promisify(execFile)('gcc', ['-O2', '-Wall', '-o', file, SOURCE])
    return file
  }
  program ??= compile()
  return program
}

export class Wire {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ended: Promise<unknown>
  #said = ''

  /** @param command runs the program with the names of its two interfaces, where these are */
  constructor(command: readonly string[]) {
    const [name = '', ...args] = command
    this.#child = spawn(name, args)
    this.#ended = once(this.#child, 'close')
    this.#child.stdin.on('error', () => {})
    this.#child.stderr.on('data', (text) => {
      this.#said += text
    })
  }

  /** @param seed of its chances; not 0 */
  async set({ ms = 0, jitterMs = 0, loss = 0 }: WireQuality, seed: number): Promise<void> {
    const numbers = [ms * 1000, jitterMs * 1000, loss * 1e6, seed].map(Math.round)
    this.#child.stdin.write(`${numbers.join(' ')}\n`)
    const broken = this.#ended.then(() => Promise.reject(new Error(`the wire broke: ${this.#said}`)))
    await Promise.race([once(this.#child.stdout, 'data'), broken])
  }

  async end(): Promise<void> {
    this.#child.stdin.end()
    await this.#ended
  }
}
