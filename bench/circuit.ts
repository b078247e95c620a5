/** Our own server, as a user starts it, mounted for the time of a function. */
import type { ChildProcess } from 'node:child_process'
import { constants, mkdtempSync } from 'node:fs'
import { mkdir, open, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildFloors, unmount } from './floors.ts'
import { end, ifStopped, onCpu, ready, start } from './programs.ts'

export interface Circuit {
  /** The process id of the server. */
  readonly pid: number
  /** The path of the server's anchor. */
  readonly self: string
  /** Makes an anchor, writes a command to its ctl, if any, and gives its path. */
  anchor(command?: string): Promise<string>
  /** Writes commands to the ctl of an anchor. */
  command(anchor: string, commands: string): Promise<void>
  /** The state of an anchor's element. */
  peek<T>(anchor: string): Promise<T>
  /** Makes an anchor in which one of our loads runs, for example `['pump', '-', '1M', '1G']`. */
  runLoad(args: readonly string[], policies?: Record<string, unknown>): Promise<string>
}

export interface CircuitOptions {
  /** The CPU to run on, from 0; default any. What it starts inherits it. */
  readonly cpu?: number | undefined
  /** More options of `circuit start`. */
  readonly args?: readonly string[]
}

/** Starts a server and mounts its tree. */
export function withCircuit<T>(options: CircuitOptions, fn: (circuit: Circuit) => Promise<T>): Promise<T> {
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
  return withMount(
    (dir) => [process.execPath, main, 'start', '--mount', dir, ...(options.args ?? [])],
    options,
    (dir, pid, said) => fn(makeCircuit(dir, pid, /server (X[0-9a-f]{16})/.exec(said)?.[1] ?? 'self')),
  )
}

/**
 * Mounts what another program of ours serves, for the time of a function. The program says `mounted` on stderr when it
 * does.
 */
export async function withMount<T>(
  argv: (dir: string) => string[],
  { cpu }: CircuitOptions,
  fn: (dir: string, pid: number, said: string) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'circuit-bench-'))
  const running = start(onCpu(argv(dir), cpu))
  const child: ChildProcess = running.child
  const withdraw = ifStopped(() => unmount(dir, child))
  try {
    await ready('the server', running, () => running.output.stderr.includes('mounted'))
    return await fn(dir, child.pid ?? 0, running.output.stderr)
  } finally {
    await end(running)
    unmount(dir, child)
    withdraw()
  }
}

function makeCircuit(dir: string, pid: number, id: string): Circuit {
  let anchors = 0
  const self = join(dir, id)
  const anchor = async (command?: string): Promise<string> => {
    const path = join(self, `b${++anchors}`)
    await mkdir(path)
    if (command !== undefined) await writeCommand(join(path, 'ctl'), command)
    return path
  }
  return {
    pid,
    self,
    anchor,
    command: (path, commands) => writeCommand(join(path, 'ctl'), commands),
    peek: async (path) => JSON.parse(await readFile(join(path, 'peek'), 'utf8')),
    async runLoad(args, policies = {}) {
      const { load } = await buildFloors()
      return anchor(`mkproc ${JSON.stringify({ Path: load, Args: args, ...policies })}`)
    },
  }
}

async function writeCommand(ctl: string, command: string): Promise<void> {
  const file = await open(ctl, constants.O_WRONLY | constants.O_TRUNC)
  try {
    await file.write(`${command}\n`)
  } finally {
    await file.close()
  }
}
