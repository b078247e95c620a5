/**
 * Servers without a mount, for tests of clients: started as a user starts them, ended with the test. A test file has a
 * runtime directory of its own, so that its clients find its servers and no others.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { type Circuit, type ConnectOptions, connect } from '../../src/index.ts'
import { generateKey } from '../../src/node/peer/key.ts'
import { MAIN } from '../server.ts'

/** What the test file's own clients and the commands that it runs go by. */
export const RUNTIME: string = mkdtempSync(join(tmpdir(), 'circuit-client-'))
process.on('exit', () => rmSync(RUNTIME, { recursive: true, force: true }))
process.env.CIRCUIT_RUNTIME_DIR = RUNTIME
for (const name of ['CIRCUIT', 'CIRCUIT_HMAC', 'CIRCUIT_DISCOVER']) delete process.env[name]

export interface BareServer {
  readonly id: string
  readonly name: string
  readonly url: string
  readonly child: ChildProcess
  /** What it has said on stderr. */
  log(): string
  /** Settles when it has ended. */
  readonly ended: Promise<unknown>
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a server that mounts nothing. */
export async function startBare(t: Test, name: string, args: readonly string[] = []): Promise<BareServer> {
  const child = spawn(process.execPath, [MAIN, 'start', '--no-mount', '--name', name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  const ended = once(child, 'close')
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal)
    await ended
  }
  t.teardown(async () => {
    child.kill('SIGCONT')
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  })
  const lines = createInterface({ input: child.stdout })
  const url = await Promise.race([
    new Promise<string>((resolve) => lines.once('line', resolve)),
    ended.then(() => Promise.reject(new Error(`the server did not start: ${said}`))),
  ])
  const id = `X${url.slice(-16)}`
  return { id, name, url, child, log: () => said, ended, kill }
}

/** Starts servers that form one circuit. */
export async function startBareCircuit<const N extends readonly string[]>(
  t: Test,
  names: N,
  args: readonly string[] = [],
): Promise<{ [K in keyof N]: BareServer }> {
  const [first = '', ...others] = names
  const one = await startBare(t, first, args)
  const more = await Promise.all(others.map((name) => startBare(t, name, [...args, '-j', one.url])))
  return [one, ...more] as { [K in keyof N]: BareServer }
}

/** A client of a server; closed when the test ends. */
export async function client(t: Test, options: ConnectOptions = {}): Promise<Circuit> {
  const circuit = await connect(options)
  t.teardown(() => circuit.close())
  return circuit
}

let keys = 0

/** A file with a new key. */
export function keyFile(): string {
  const file = join(RUNTIME, `hmac${++keys}`)
  writeFileSync(file, generateKey(), { mode: 0o600 })
  chmodSync(file, 0o600)
  return file
}
