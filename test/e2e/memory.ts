/** What a server costs: its memory while something is done to it, and its own numbers. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { ShellOptions, TestServer } from '../server.ts'

export const MIB = 1 << 20

/**
 * For a server that fails when more than this is alive on its heap. How much garbage it leaves lying about depends on
 * the machine; then it is little.
 */
export const SMALL_HEAP = { NODE_OPTIONS: '--max-old-space-size=64' }

function memory(server: TestServer, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'latin1')
  return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024
}

/** The most memory that the server has taken, beyond what it had, while something was done: in MiB. */
export async function growth(server: TestServer, work: () => Promise<unknown>): Promise<number> {
  const before = memory(server, 'VmRSS')
  // Forgets the peak so far: proc_pid_clear_refs(5).
  writeFileSync(`/proc/${server.child.pid}/clear_refs`, '5')
  await work()
  return Math.ceil((memory(server, 'VmHWM') - before) / MIB)
}

export async function metric(server: TestServer, name: string): Promise<number> {
  const { stdout } = await server.sh('cat $S/metrics')
  return Number(new RegExp(`^circuit_${name} (\\d+)$`, 'm').exec(stdout)?.[1])
}

const PRELUDE = `
import os, json
from os import *
chdir(environ['A'])

# Writes to the ctl of an anchor below; gives None, or the error.
def command(name, text):
  ctl = open(f'{name}/ctl', O_WRONLY)
  try: write(ctl, text.encode())
  except OSError as error: return error
  finally: close(ctl)
`

/** Runs Python with an anchor as its working directory, and gives what it prints. @throws Error when it fails */
export async function python(
  server: TestServer,
  anchor: string,
  program: string,
  options: ShellOptions = {},
): Promise<string> {
  const { status, stdout, stderr } = await server.sh('exec python3 -c "$P"', {
    limit: 150_000,
    ...options,
    env: { A: anchor, P: PRELUDE + program },
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}
