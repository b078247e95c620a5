/** What commands say on terminals: progress of long transfers, what is to be typed; and what is never written to one. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatBytes } from '../../src/cli/progress.ts'
import { client, RUNTIME, startBare } from '../client/servers.ts'
import { Terminal } from '../e2e/tools/terminal.ts'
import { bash, PROGRAM } from './shell.ts'

await startBare(t, 'web1')
const circuit = await client(t)
const home = mkdtempSync(join(RUNTIME, 'home-'))
writeFileSync(join(home, 'circuit'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
  mode: 0o755,
})

/** A process that writes slowly until its input ends. */
const WRITER = 'while ! read -t 0.2 line; do echo 0123456789; done'

async function slow(name: string): Promise<string> {
  const path = `/self/${name}`
  await circuit.make(path)
  await circuit.command(path, 'mkproc', { fields: { Path: 'bash', Args: ['-c', WRITER] } })
  return path
}

const open = (t: Test): Promise<Terminal> =>
  Terminal.open(t, 'bash', home, { PATH: `${home}:${process.env.PATH}` })

const RATE = /^\d+ B {2}\d+ B\/s *$/m

t.test('bytes in words', async (t) => {
  const words = { 0: '0 B', 999: '999 B', 1000: '1.0 kB', 12345: '12.3 kB', 5e6: '5.0 MB', 7.25e9: '7.3 GB' }
  for (const [bytes, text] of Object.entries(words)) t.equal(formatBytes(Number(bytes)), text)
})

t.test('a long transfer is shown on a terminal, and the line is gone at the end', async (t) => {
  const [path, terminal] = await Promise.all([slow('shown'), open(t)])
  await terminal.line(`clear; circuit stdout ${path} > data; wc -l < data`)
  await terminal.shows(RATE)
  await circuit.writeText(`${path}/stdin`, 'end\n')
  await terminal.shows(/^\d+\nready>$/)
})

t.test('who is to type something is told so', async (t) => {
  const terminal = await open(t)
  await terminal.line('clear; circuit mkproc /self/typed')
  await terminal.shows(/^circuit: a description in JSON is read from this terminal; Ctrl-D ends it$/m)
  await terminal.line('{"Path":"true"}')
  await terminal.press('C-d')
  await terminal.shows(/^ready>$/m)
  t.match(await circuit.peek('/self/typed'), { Cmd: { Path: 'true' } })
})

t.test('what is read is shown as what is written, and Ctrl-C takes the line away', async (t) => {
  const terminal = await open(t)
  await circuit.make('/self/copy')
  await circuit.command('/self/copy', 'run cat')
  await terminal.line(`clear; (while sleep 0.2; do echo 12345; done) | circuit stdin /self/copy`)
  await terminal.shows(RATE)
  await terminal.press('C-c')
  await terminal.shows(/\^C *\nready>$/)
  t.notMatch(await terminal.screen(), RATE)
})

t.test('nothing is shown where stderr or the data is no terminal, and nothing is coloured', async (t) => {
  const [path, quiet] = await Promise.all([slow('quiet'), slow('seen')])
  const env = { A: path, B: quiet, PATH: `${home}:${process.env.PATH}` }
  const ran = await bash(
    `cd "$TMPDIR"
{ circuit stdout $A > data 2> said & }
script -qec "circuit stdout $B; circuit help; circuit help ls; circuit ls -l; circuit members; circuit frobnicate; circuit peek /none" typescript < /dev/null > /dev/null &
sleep 3; for P in $A $B; do echo end | circuit stdin $P; done; wait
cat said; grep -c $'\\e' typescript; grep -c B/s typescript; grep -c 0123456789 typescript`,
    { env },
  )
  t.match(ran, { stdout: /^0\n0\n[1-9]\d*\n$/, stderr: '' })
})
