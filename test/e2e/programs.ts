/** Programs that tests run against a mount: those in C that fixtures/ holds, compiled here, and others. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The path of a file in fixtures/. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../test/e2e/fixtures/${name}`, import.meta.url))

/** Compiles fixtures/NAME.c, and gives the path of the program. */
export function compile(name: string): string {
  const program = join(mkdtempSync(join(tmpdir(), 'c-')), name)
  execFileSync('gcc', [
    '-std=gnu11',
    '-O2',
    '-Wall',
    '-Wextra',
    '-pthread',
    '-o',
    program,
    fixture(`${name}.c`),
  ])
  return program
}

/** Runs a program to its end, and gives what it printed. Rejects when it fails, or takes longer than `limit` ms. */
export function run(program: string, args: readonly string[], limit = 60_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: limit, killSignal: 'SIGKILL', maxBuffer: 1 << 26, cwd: '/' } as const
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`))
      else resolve(stdout)
    })
  })
}
