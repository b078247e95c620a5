/** The manual page: it is there, is formatted without a complaint, and says what help says. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../src/cli/commands.ts'
import { runShell } from '../server.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'))
const env = { PAGE: `${ROOT}${manifest.man[0]}`, MANWIDTH: '100', LC_ALL: 'C.UTF-8' }

t.test('npm installs it', async (t) => {
  const { stdout } = await runShell(`cd "$ROOT" && npm pack --dry-run --json --ignore-scripts`, {
    env: { ROOT },
  })
  const files: { path: string }[] = JSON.parse(stdout)[0].files
  t.ok(files.some(({ path }) => `./${path}` === manifest.man[0]))
})

t.test('groff and man have nothing to complain of, and apropos finds its name', async (t) => {
  t.match(await runShell('groff -ww -man -Tutf8 "$PAGE" > /dev/null', { env }), { status: 0, stderr: /^$/ })
  t.match(await runShell('lexgrog "$PAGE"', { env }), { stdout: 'circuit - a cluster as one tree of files' })
})

t.test('it has all commands, their options and their examples', async (t) => {
  const { status, stdout: text, stderr } = await runShell('man --warnings "$PAGE"', { env })
  t.same([status, stderr], [0, ''])
  for (const [name, load] of Object.entries(commands)) {
    const { options, examples } = await load()
    t.match(text, new RegExp(`^   circuit ${name}( |$)`, 'm'))
    for (const option of Object.keys(options))
      t.match(text, new RegExp(`^ +(-., )?--?${option}( |$)`, 'm'), option)
    for (const line of Object.values(examples).flatMap((script) => script.split('\n')))
      t.ok(text.includes(line.replaceAll('\t', '    ')), line)
  }
})
