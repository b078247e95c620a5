/** Shell scripts that use the command `circuit`, as a user types it. */
import { fileURLToPath } from 'node:url'
import { type Outcome, runShell, type ShellOptions } from '../server.ts'

/** The program that package.json names. */
export const PROGRAM = fileURLToPath(new URL('../../bin/circuit.cjs', import.meta.url))

/** Runs a bash script in which `circuit` is the command. */
export const bash = (script: string, options: ShellOptions = {}): Promise<Outcome> =>
  runShell(`circuit() { "$NODE" "$PROGRAM" "$@"; }\n${script}`, {
    shell: 'bash',
    ...options,
    env: { NODE: process.execPath, PROGRAM, LC_ALL: 'C', ...options.env },
  })
