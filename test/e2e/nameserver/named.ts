/** BIND, to compare with: its own process and files, on a free port of loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/** It serves exactly what the zone says, to whoever asks, and nothing that it would add to be helpful. */
const configuration = (directory: string, port: number, zone: string): string => `
options {
  directory "${directory}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  minimal-responses yes;
  notify no;
  check-integrity no;
  allow-transfer { none; };
  zero-no-soa-ttl no;
};
controls { };
zone "${zone}" { type primary; file "${directory}/zone"; check-names ignore; };
`

/** Serves a zone; gives HOST:PORT. The test's teardown ends it. @param text a zone file */
export async function startNamed(t: Test, zone: string, text: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-named-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'zone'), text)
  // Somebody may have taken the port before named does.
  for (let attempt = 1; ; attempt++) {
    const port = anyPort()
    writeFileSync(join(directory, 'named.conf'), configuration(directory, port, zone))
    const child = spawn('named', ['-g', '-n', '1', '-c', join(directory, 'named.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ended = once(child, 'close')
    t.teardown(async () => {
      child.kill('SIGKILL')
      await ended
    })
    const said = await startUp(child)
    if (/loaded serial/.test(said) && !/could not listen|address in use/.test(said))
      return `127.0.0.1:${port}`
    if (attempt === 10) throw new Error(`named does not serve: ${said}`)
  }
}

/** What it says until it runs, or ends. */
async function startUp({ stderr }: ChildProcess): Promise<string> {
  let said = ''
  if (stderr === null) return said
  const lines = createInterface({ input: stderr })
  for await (const line of lines) {
    said += `${line}\n`
    if (line.endsWith(' running')) break
  }
  stderr.resume()
  return said
}

/**
 * A port that is likely to be free. Not one of those that clients get: named shares its own, and a dig that got the same
 * would hear itself.
 */
const anyPort = (): number => 20_000 + randomInt(10_000)
