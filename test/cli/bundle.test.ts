/** The program that package.json names: the bundled clients, and what runs from its own files. */
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startBare } from '../client/servers.ts'
import { runShell } from '../server.ts'

const root = new URL('../../../', import.meta.url)
const { bin } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const program = fileURLToPath(new URL(bin.circuit, root))
const circuit = (words: string) =>
  runShell(`exec "$NODE" "$PROGRAM" ${words}`, { env: { NODE: process.execPath, PROGRAM: program } })

/** Loads the bundle as the launcher does, in a Node that has done nothing else, and says whether V8 takes what was compiled at build. */
const LOAD = `const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')
const source = '(function (require, unbundled) {' + readFileSync(process.env.BIN + '/clients.cjs', 'utf8') + '\\n})'
const cachedData = readFileSync(process.env.BIN + '/clients.v8')
console.log(new Script(source, { filename: process.env.BIN + '/clients.cjs', cachedData }).cachedDataRejected)`

t.test('what V8 compiled at build is taken, so clients start soon', async (t) => {
  const env = { NODE: process.execPath, LOAD, BIN: dirname(program) }
  t.match(await runShell('exec "$NODE" -e "$LOAD"', { env }), { status: 0, stdout: 'false\n', stderr: '' })
})

t.test('clients are bundled, and all else works as unbundled', async (t) => {
  const server = await startBare(t, 'bundle')
  t.match(await circuit('ls /'), { status: 0, stdout: `/${server.id}\n`, stderr: '' })
  t.match(await circuit('run -- echo hello'), { status: 0, stdout: 'hello\n', stderr: '' })
  t.match(await circuit('peek /self/none'), { status: 1, stdout: '', stderr: /^circuit: .*\/none.*\n$/ })
  t.match(await circuit('ls --frobnicate'), { status: 2, stderr: 'usage: circuit ls' })
  t.match(await circuit('ls --help'), { status: 0, stdout: 'usage: circuit ls' })
  t.match(await circuit('help'), { status: 0, stdout: '  start ' })
  t.match(await circuit('start --frobnicate'), { status: 2, stderr: 'usage: circuit start' })
  t.match(await circuit('frobnicate'), { status: 2, stderr: 'there is no command frobnicate' })
})
