/** Completions, in the shells that they are for. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../src/cli/commands.ts'
import { bashCompletion } from '../../src/cli/completion/bash.ts'
import { fishCompletion } from '../../src/cli/completion/fish.ts'
import { makeTable } from '../../src/cli/completion/table.ts'
import { zshCompletion } from '../../src/cli/completion/zsh.ts'
import { client, RUNTIME, startBare } from '../client/servers.ts'
import { Terminal } from '../e2e/tools/terminal.ts'
import { type Outcome, runShell } from '../server.ts'
import { PROGRAM } from './shell.ts'

const server = await startBare(t, 'web1')
const circuit = await client(t)
await circuit.make('/self/jobs/alpha', { parents: true })
await circuit.make('/self/jobs/be ta')
await circuit.command('/self/jobs/alpha', 'mkchan')

/** Where `circuit` is found, and files to complete. */
const home = mkdtempSync(join(RUNTIME, 'home-'))
writeFileSync(join(home, 'circuit'), `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, {
  mode: 0o755,
})
writeFileSync(join(home, 'some_file'), '')
writeFileSync(join(home, 'quixotic'), '', { mode: 0o755 })
const env = { PATH: `${home}:${process.env.PATH}`, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home }
const within = (script: string, shell: string, more = {}): Promise<Outcome> =>
  runShell(`cd ~; ${script}`, { shell, env: { ...env, ...more } })

t.test('an option that takes a value takes one of the same kind in all commands', async (t) => {
  const kinds = new Map<string, unknown>()
  for (const { name, options } of await makeTable(commands))
    for (const { name: option, value, kind } of options) {
      t.strictSame([value, kind], kinds.get(option) ?? [value, kind], `${name} --${option}`)
      kinds.set(option, [value, kind])
    }
})

t.test('completion names its shells', async (t) => {
  t.match(await within('circuit completion zhs', 'bash'), { status: 2, stderr: /zhs; did you mean zsh\?/ })
})

/** What bash and fish offer for a line that ends at the cursor. */
const OFFERED: Readonly<Record<string, readonly string[]>> = {
  'circuit mkp': ['mkproc'],
  'circuit mk@': ['mk@join', 'mk@leave'],
  'circuit help mkc': ['mkchan'],
  'circuit ls --js': ['--json'],
  'circuit peek /': [`/${server.id}/`, '/by-name/', '/self/'],
  'circuit peek /by-name/': ['/by-name/web1/'],
  'circuit peek /self/jobs/al': ['/self/jobs/alpha/'],
  [`circuit ls -d ${server.url} /self/j`]: ['/self/jobs/'],
  'circuit scrub /self/a /self/b /self/j': ['/self/jobs/'],
  'circuit signal KIL': ['KILL'],
  'circuit signal KILL /self/jobs/al': ['/self/jobs/alpha/'],
  'circuit close /self/jobs/alpha ': ['stdin'],
  'circuit run --on ': ['web1'],
  'circuit run --on web1 quix': ['quixotic'],
  'circuit run ls -': [],
  'circuit start -if l': ['lo'],
  'circuit completion z': ['zsh'],
  'circuit peek x': [],
}

/** Puts words into COMP_WORDS as readline does: taken apart at @ and :, too. */
const BASH = `source <(circuit completion bash)
while IFS= read -r COMP_LINE; do
  mapfile -t COMP_WORDS < <(printf '%s\\n' "$COMP_LINE" | sed -E 's/[@:]+/\\n&\\n/g; s/ +/\\n/g' | grep .)
  [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
  COMP_POINT=\${#COMP_LINE} COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)) COMPREPLY=()
  _circuit circuit 2>/dev/null
  printf '%s\\n' "\${COMPREPLY[@]}" | sed 's/ $//' | grep . | sort | tr '\\n' '|'
  echo
done <<< "$LINES_TYPED"`

t.test('bash', async (t) => {
  const lines = Object.keys(OFFERED)
  const { status, stdout, stderr } = await within(BASH, 'bash', {
    LINES_TYPED: lines.join('\n'),
    LC_ALL: 'C',
  })
  t.same([status, stderr], [0, ''])
  const offered = stdout.split('\n').map((line) => line.split('|').filter(Boolean))
  for (const [n, line] of lines.entries()) {
    // Readline replaces what stands behind the last break, and the @.
    const from = Math.max(line.lastIndexOf('@') - line.lastIndexOf(' ') - 1, 0)
    t.strictSame(
      offered[n],
      OFFERED[line]?.map((word) => word.slice(from)),
      line,
    )
  }
})

t.test('fish', async (t) => {
  const script = `circuit completion fish | source
printf '%s\\n' $TYPED | while read -l line
  complete -C $line | string replace -r '\\t.*' '' | sort | string join '|'
  echo .
end`
  const lines = Object.keys(OFFERED)
  const typed = { TYPED: lines.join('\n'), LC_ALL: 'C' }
  const { stdout, stderr } = await within(script, 'fish --no-config', typed)
  t.equal(stderr, '')
  const offered = stdout.split(/^\.\n/m).map((line) => line.trim().split('|').filter(Boolean))
  for (const [n, line] of lines.entries()) t.strictSame(offered[n], OFFERED[line], line)
})

const INTERACTIVE = {
  bash: 'source <(circuit completion bash)',
  zsh: 'autoload -U compinit; compinit -u -d ~/dump; source <(circuit completion zsh)',
  fish: 'circuit completion fish | source',
}

for (const [shell, setUp] of Object.entries(INTERACTIVE))
  t.test(`${shell}, in a terminal`, async (t) => {
    const terminal = await Terminal.open(t, shell, home, env)
    await terminal.shows(/ready>|~[#>]/)
    await terminal.line(setUp)
    await terminal.line(`echo set''up`)
    await terminal.shows(/^setup/m)
    const typed = async (text: string, expected: string): Promise<void> => {
      await terminal.type(text)
      await terminal.press('Tab')
      await terminal.shows(new RegExp(`${expected}$`, 'm'))
      await terminal.press('C-c')
      await terminal.line('clear')
    }
    await typed('circuit mkpr', 'circuit mkproc')
    await typed('circuit mk@jo', 'circuit mk@join')
    await typed('circuit peek /self/jobs/be', String.raw`circuit peek /self/jobs/be\\ ta/`)
    // Nothing is below it.
    await terminal.type('circuit peek /self/jobs/alpha/')
    await terminal.press('Tab')
    await terminal.type('new')
    await terminal.shows(/circuit peek \/self\/jobs\/alpha\/new$/m)
    await terminal.press('C-c')
    await terminal.line('clear')
    await typed('circuit mkproc /self/jobs/new < some', 'circuit mkproc /self/jobs/new < some_file')
    await typed('circuit ls --hmac some', 'circuit ls --hmac some_file')
  })

t.test('packaging/install.sh puts them where the shells look', async (t) => {
  const installed = await within(
    `export DESTDIR=$HOME/d CIRCUIT_PROGRAM=$HOME/circuit; "$INSTALL" && cd d
cmp <(circuit completion bash) usr/share/bash-completion/completions/circuit
cmp <(circuit completion fish) usr/share/fish/vendor_completions.d/circuit.fish
zsh -fc 'fpath=(usr/local/share/zsh/site-functions $fpath); autoload -U compinit; compinit -D -u; echo $_comps[circuit]'
"$INSTALL" --remove; find usr -type f`,
    'bash',
    { INSTALL: fileURLToPath(new URL('../../../packaging/install.sh', import.meta.url)) },
  )
  t.match(installed, { status: 0, stdout: /^_circuit\n$/ })
})

t.test('without a server there is nothing to complete, soon and silently', async (t) => {
  const nowhere = await within(BASH, 'bash', {
    LINES_TYPED: 'circuit peek /\ncircuit run --on ',
    CIRCUIT_DISCOVER: '228.8.8.8:7799',
  })
  t.strictSame(nowhere, { status: 0, stdout: '\n\n', stderr: '' })
  const table = await makeTable(commands)
  for (const script of [bashCompletion, zshCompletion, fishCompletion].map((make) => make(table))) {
    t.match(script, /circuit ls --timeout 1 /)
    t.notMatch(script, /circuit ls (?!--timeout)/, 'no call waits longer')
  }
})
