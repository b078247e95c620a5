/** The examples of docs/client.md run as they stand there. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { runShell } from '../server.ts'
import { client, startBare } from './servers.ts'

const LIBRARY = new URL('../../src/index.js', import.meta.url).href
const text = readFileSync(new URL('../../../docs/client.md', import.meta.url), 'utf8')
const examples = Array.from(text.matchAll(/^```js\n(.*?)^```$/gms), ([, code = '']) => code)

t.test('every example of docs/client.md', async (t) => {
  const server = await startBare(t, 'docs')
  const said = ['HELLO, WORLD\n\nstatus 0\n', 'TimeoutError\n', /^a\nb\nEEXIST \S+\/sorted\/ctl X/]
  t.equal(examples.length, said.length)
  for (const [n, code] of examples.entries()) {
    const ran = await runShell('exec "$NODE" --input-type=module -e "$CODE"', {
      env: { NODE: process.execPath, CODE: code.replaceAll("'circuitfs'", `'${LIBRARY}'`) },
    })
    t.match(ran, { status: 0, stderr: '', stdout: said[n] })
  }
  const left = await (await client(t)).list(`/${server.id}`)
  t.notOk(
    left.some(({ type }) => type === 'anchor'),
    'and leave nothing',
  )
})
