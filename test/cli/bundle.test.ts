/** The program that package.json names: the bundled clients, and what runs from its own files. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startBare } from '../client/servers.ts'
import { runShell } from '../server.ts'

const root = new URL('../../../', import.meta.url)
const { bin } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const program = fileURLToPath(new URL(bin.circuit, root))
const circuit = (words: string) =>
  runShell(`exec "$NODE" "$PROGRAM" ${words}`, { env: { NODE: process.execPath, PROGRAM: program } })

t.test('clients are bundled, and all else works as unbundled', async (t) => {
  const server = await startBare(t, 'bundle')
  t.ok(existsSync(fileURLToPath(new URL('dist/bin/clients.v8', root))), 'compiled at build')
  t.match(await circuit('ls /'), { status: 0, stdout: `/${server.id}\n`, stderr: '' })
  t.match(await circuit('run -- echo hello'), { status: 0, stdout: 'hello\n', stderr: '' })
  t.match(await circuit('peek /self/none'), { status: 1, stdout: '', stderr: /^circuit: .*\/none.*\n$/ })
  t.match(await circuit('ls --frobnicate'), { status: 2, stderr: 'usage: circuit ls' })
  t.match(await circuit('ls --help'), { status: 0, stdout: 'usage: circuit ls' })
  t.match(await circuit('help'), { status: 0, stdout: '  start ' })
  t.match(await circuit('start --frobnicate'), { status: 2, stderr: 'usage: circuit start' })
  t.match(await circuit('frobnicate'), { status: 2, stderr: 'there is no command frobnicate' })
})
