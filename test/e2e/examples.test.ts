/** What the README shows first: mount.sh, what it says to try, and the example. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isMounted, noMount, runShell, startServer } from '../server.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TEXT = '/usr/share/common-licenses/GPL-3'

t.test(
  'examples/word-count.sh says what the same pipeline in a plain shell says',
  { skip: noMount },
  async (t) => {
    const server = await startServer(t)
    const before = await server.sh('ls $S')
    const example = await server.sh(`${ROOT}examples/word-count.sh $M ${TEXT} 25`)
    const plain = await runShell(
      `tr -cs A-Za-z '\\n' <${TEXT} | tr A-Z a-z | grep -v '^$' | sort | uniq -c | sort -k1,1nr -k2 | head -n 25`,
    )
    t.equal(example.stdout, plain.stdout)
    t.equal(plain.stdout.split('\n').length, 26)
    t.match(await server.sh('ls $S'), { stdout: before.stdout }, 'it takes away what it made')
  },
)

t.test('examples/word-count.sh fails in words, and takes away what it made', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const before = await server.sh('ls $S')
  const { stderr } = await server.sh(`${ROOT}examples/word-count.sh $M /no/such/text`)
  t.match(stderr, /no\/such\/text/)
  t.match(await server.sh('ls $S'), { stdout: before.stdout })
})

t.test('mount.sh serves the tree, says what to try, and stops on Ctrl-C', { skip: noMount }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-mount-'))
  const child = spawn(`${ROOT}mount.sh`, [directory, '-name', 'web9'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  t.teardown(() => rmdirSync(directory))
  let said = ''
  for await (const bytes of child.stderr) {
    said += bytes
    if (said.includes('rmdir')) break
  }
  const commands = said.slice(said.indexOf('try')).split('\n').slice(1, 4)
  const { status, stdout } = await runShell(commands.join('\n'))
  t.equal(status, 0)
  t.match(stdout, /This is a circuit/)
  t.match(stdout, /hello, world\n0\n$/)
  t.match(await runShell(`cat ${directory}/by-name/web9/peek`), { status: 0, stdout: '"Name": "web9"' })
  child.kill('SIGINT')
  t.same(await ended, [0, null])
  t.notOk(isMounted(directory))
})
