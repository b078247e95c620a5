/** Shell scripts that use the command `circuit`, as a user types it. */
import { MAIN, type Outcome, runShell, type ShellOptions } from '../server.ts'

/** Runs a bash script in which `circuit` is the command. */
export const bash = (script: string, options: ShellOptions = {}): Promise<Outcome> =>
  runShell(`circuit() { "$NODE" "$MAIN" "$@"; }\n${script}`, {
    shell: 'bash',
    ...options,
    env: { NODE: process.execPath, MAIN, LC_ALL: 'C', ...options.env },
  })
