/**
 * A host with a file tree of its own, so that commands can be run on it as they are written: the server mounts on /circuit, files lie
 * in ~. What is written there is gone with it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Host } from '../../network.ts'
import { type Outcome, runShell } from '../../server.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))

/** The machine's own tree, with what is written kept in memory. The place of the code may be a mount of its own. */
const SET_UP = `
mount -t tmpfs none "$D" && cd "$D" && mkdir upper work root
mount -t overlay overlay -o "lowerdir=/,upperdir=$D/upper,workdir=$D/work" root
for place in /dev /proc /sys /tmp "$R"; do mount --rbind "$place" "root$place"; done
printf '#!/bin/sh\\nexec "%s" "%s" "$@"\\n' "$N" "$R/dist/bin/circuit.cjs" > root/usr/local/bin/circuit
chmod 755 root/usr/local/bin/circuit
mkdir -p root/root
echo ready
exec chroot root cat`

/** Whoever runs the tests may have some. Empty is as if unset. */
const NO_SETTINGS = { CIRCUIT: '', CIRCUIT_DISCOVER: '', CIRCUIT_HMAC: '', CIRCUIT_RUNTIME_DIR: '' }

export interface RunningServer {
  readonly url: string
  readonly id: string
  readonly child: ChildProcess
  stop(): Promise<void>
}

export class Machine {
  readonly host: Host
  readonly #test: Test
  readonly #enter: readonly string[]
  /** Of all commands; a server's own are those at its start. */
  env: Readonly<Record<string, string>> = {}

  private constructor(t: Test, host: Host, enter: readonly string[]) {
    this.#test = t
    this.host = host
    this.#enter = enter
  }

  static async make(t: Test, host: Host): Promise<Machine> {
    const directory = mkdtempSync(join(tmpdir(), 'circuit-machine-'))
    const [program = '', ...words] = [...host.enter, 'unshare', '-m', '--propagation', 'private']
    const keeper = spawn(program, [...words, 'sh', '-ec', SET_UP], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, D: directory, R: ROOT.replace(/\/$/, ''), N: process.execPath },
    })
    const ended = once(keeper, 'close')
    t.teardown(async () => {
      keeper.stdin.end()
      await ended
      rmdirSync(directory)
    })
    const failed = ended.then(() => Promise.reject(new Error('no machine could be made')))
    await Promise.race([once(keeper.stdout, 'data'), failed])
    return new Machine(t, host, ['nsenter', '-t', String(keeper.pid), '-n', '-m', '-r', '-w', '--'])
  }

  get #environment(): Record<string, string> {
    return { HOME: '/root', ...NO_SETTINGS, ...this.env }
  }

  /** Runs a script in the home directory, to its end. */
  run(script: string): Promise<Outcome> {
    const limit = 60_000
    return runShell(`cd\n${script}`, { shell: 'bash', within: this.#enter, env: this.#environment, limit })
  }

  /** Runs a script that ends in a server, until the test ends or it is stopped. */
  async serve(script: string): Promise<RunningServer> {
    const [program = '', ...words] = this.#enter
    const child = spawn(program, [...words, 'bash', '-c', `cd; exec ${script}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#environment },
    })
    let said = ''
    child.stderr.on('data', (text) => {
      said += text
    })
    const ended = once(child, 'close')
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM')
      await ended
    }
    this.#test.teardown(stop)
    const url = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line').then(([line]) => String(line)),
      ended.then(() => Promise.reject(new Error(`${script} ended: ${said}`))),
    ])
    return { url, id: `X${url.slice(-16)}`, child, stop }
  }
}
