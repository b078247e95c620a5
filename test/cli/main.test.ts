/** The command: its help, its exit statuses, its options in both spellings. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { commands } from '../../src/cli/commands.ts'
import { explain } from '../../src/cli/help.ts'
import { VERSION } from '../../src/node/version.ts'
import { noMount, runShell, startServer } from '../server.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const circuit = (words: string) => runShell(`exec ${process.execPath} ${MAIN} ${words}`)

t.test('the version is that of package.json', async (t) => {
  const packageFile = fileURLToPath(new URL('../../../package.json', import.meta.url))
  t.equal(VERSION, JSON.parse(readFileSync(packageFile, 'utf8')).version)
  for (const words of ['version', '--version', '-version'])
    t.match(await circuit(words), { status: 0, stdout: `circuit ${VERSION} ` })
})

t.test('help lists the commands, and explains each', async (t) => {
  for (const words of ['', 'help', '-h', '--help']) {
    const { status, stdout } = await circuit(words)
    t.equal(status, 0, words)
    for (const name of Object.keys(commands)) t.match(stdout, new RegExp(`^ {2}${name} `, 'm'))
  }
  for (const words of ['help start', 'start --help', 'start -h'])
    t.match(await circuit(words), { status: 0, stdout: '--allow-group GROUP' }, words)
})

/** Those of the original, and ours. */
const NAMES =
  'start keygen ls mkproc mkdkr mkchan mkdns mk@join mk@leave peek scrub stdin stdout stderr wait waitall signal send recv close set unset join suicide help run mount members version completion leave'

t.test('every command that is promised is there', async (t) => {
  t.strictSame(Object.keys(commands).sort(), NAMES.split(' ').sort())
})

t.test('each command has examples of itself, with options that it has', async (t) => {
  for (const [name, load] of Object.entries(commands)) {
    const { summary, options, examples } = await load()
    t.notMatch(summary, /^[A-Z]|[.]$/, `${name}: the summary is a part of a sentence`)
    const known = Object.entries(options).flatMap(([name, { short = name }]) => [name, short])
    for (const [does, script] of Object.entries(examples)) {
      const own = new RegExp(`\\bcircuit ${name}( .*)?`, 'm').exec(script)
      t.ok(own, `${name}: ${does}`)
      const [mine = ''] = own?.[0]?.split(/[|<>]| -- /) ?? []
      for (const [, option = ''] of mine.matchAll(/ --?([a-z-]+)/g))
        t.ok(known.includes(option) || option === 'help', `${script}: ${option}`)
    }
    if (name !== 'version') t.ok(Object.keys(examples).length > 0, `${name} has examples`)
    const explained = explain(name, await load())
    t.ok(Object.values(examples).every((script) => explained.includes(`  ${script.split('\n')[0]}`)))
    t.notOk(
      explained.split('\n').some((line) => line.length > 110),
      `${name}: no long lines`,
    )
  }
})

t.test('what is misspelt is told, with what may have been meant', async (t) => {
  t.match(await circuit('mkprc'), { status: 2, stderr: 'there is no command mkprc; did you mean mkproc?\n' })
  t.match(await circuit('help mkprc'), { status: 2, stderr: 'did you mean mkproc?\n' })
  t.match(await circuit('ls --jsno'), {
    status: 2,
    stderr: 'there is no option --jsno; did you mean --json?\n',
  })
  t.match(await circuit('ls -jsno'), { status: 2, stderr: 'did you mean --json?\n' })
  t.match(await circuit('start -hmca x'), { status: 2, stderr: 'did you mean --hmac?\n' })
  t.match(await circuit('-d x ls'), { status: 2, stderr: 'options stand behind the command' })
})

t.test('words and values that are missing, or too many, are named', async (t) => {
  t.match(await circuit('peek'), {
    status: 2,
    stderr: 'circuit: PATH is missing\nusage: circuit peek PATH\n',
  })
  t.match(await circuit('signal TERM'), { status: 2, stderr: 'PATH is missing' })
  t.match(await circuit('peek a b'), { status: 2, stderr: 'a word too many: b' })
  t.match(await circuit('ls -d'), { status: 2, stderr: '--dial needs a value: URL' })
  t.match(await circuit('ls -hmac -insecure'), { status: 2, stderr: '--hmac needs a value: FILE' })
  t.match(await circuit('ls --insecure=no'), { status: 2, stderr: '--insecure takes no value' })
  t.match(await circuit('ls --timeout soon'), { status: 2, stderr: 'not a number of seconds: soon' })
})

t.test('wrong usage is told in words, and exits with 2', async (t) => {
  t.match(await circuit('frobnicate'), { status: 2, stdout: '', stderr: 'there is no command frobnicate' })
  t.match(await circuit('start --frobnicate'), { status: 2, stderr: 'frobnicate' })
  t.match(await circuit('start somewhere'), { status: 2, stderr: 'start takes no argument: somewhere' })
  t.match(await circuit('start --mount /tmp/x --no-mount'), { status: 2, stderr: 'contradict' })
  t.match(await circuit('start --name a/b'), { status: 2, stderr: 'no slash' })
  t.match(await circuit('help frobnicate'), { status: 2, stderr: 'there is no command frobnicate' })
})

t.test('behind the name of a program stands what is meant for that', async (t) => {
  for (const words of ['run -h', 'run --on web1 --help'])
    t.match(await circuit(words), { status: 0, stdout: 'usage: circuit run' }, words)
  for (const words of ['run ls -h', 'run -- ls --help', 'run --on web1 ls -h'])
    t.notMatch((await circuit(`${words} --timeout 0.1 -d circuit://127.0.0.1:1`)).stdout, 'usage', words)
})

t.test('what fails is told in one sentence, and exits with 1', async (t) => {
  const { status, stderr } = await circuit('start --mount /dev/null')
  t.equal(status, 1)
  t.match(stderr, /^circuit: [^\n]*\/dev\/null[^\n]*\n$/)
  t.match(await circuit('start --no-mount --insecure -a 192.0.2.1:7'), {
    status: 1,
    stderr: "circuit: can't listen on 192.0.2.1:7: not an address of this host\n",
  })
  t.match(await circuit('start --no-mount -hmac /no/such'), {
    status: 1,
    stderr: "circuit: can't read the key file /no/such: there is none; circuit keygen makes one\n",
  })
})

t.test("options in the original's spelling", { skip: noMount }, async (t) => {
  const server = await startServer(t, { args: ['-name', 'old'] })
  t.match(await server.sh('ls $M/by-name'), { stdout: 'old\n' })
})
