/** mount.sh, and what it says to try. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { isMounted, noMount, runShell } from '../server.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

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
