/** The command: its help, its exit statuses, its options in both spellings. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../src/cli/commands.ts'
import { VERSION } from '../../src/node/version.ts'
import { noMount, runShell, startServer } from '../server.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const circuit = (words: string) => runShell(`exec ${process.execPath} ${MAIN} ${words}`)

t.test('the version is that of package.json', async (t) => {
  const packageFile = fileURLToPath(new URL('../../../package.json', import.meta.url))
  t.equal(VERSION, JSON.parse(readFileSync(packageFile, 'utf8')).version)
  t.match(await circuit('version'), { status: 0, stdout: `circuit ${VERSION} ` })
})

t.test('help lists the commands, and explains each', async (t) => {
  for (const words of ['', 'help', '-h', '--help']) {
    const { status, stdout } = await circuit(words)
    t.equal(status, 0, words)
    for (const [name, load] of Object.entries(commands)) {
      t.match(stdout, new RegExp(`^ {2}${name} `, 'm'))
      t.match((await load()).usage, new RegExp(`^circuit ${name}( |$)`))
    }
  }
  for (const words of ['help start', 'start --help', 'start -h'])
    t.match(await circuit(words), { status: 0, stdout: '--allow-group GROUP' }, words)
})

t.test('wrong usage is told in words, and exits with 2', async (t) => {
  t.match(await circuit('frobnicate'), { status: 2, stdout: '', stderr: 'there is no command frobnicate' })
  t.match(await circuit('start --frobnicate'), { status: 2, stderr: 'frobnicate' })
  t.match(await circuit('start somewhere'), { status: 2, stderr: 'start takes no argument: somewhere' })
  t.match(await circuit('start --mount /tmp/x --no-mount'), { status: 2, stderr: 'contradict' })
  t.match(await circuit('start --name a/b'), { status: 2, stderr: 'no slash' })
  t.match(await circuit('help frobnicate'), { status: 2, stderr: 'there is no command frobnicate' })
})

t.test('what fails is told in one sentence, and exits with 1', async (t) => {
  const { status, stderr } = await circuit('start --mount /dev/null')
  t.equal(status, 1)
  t.match(stderr, /^circuit: [^\n]*\/dev\/null[^\n]*\n$/)
})

t.test("options in the original's spelling", { skip: noMount }, async (t) => {
  const server = await startServer(t, { args: ['-name', 'old'] })
  t.match(await server.sh('ls $M/by-name'), { stdout: 'old\n' })
})
