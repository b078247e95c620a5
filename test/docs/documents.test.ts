/**
 * What documents show is true: the commands in their fenced blocks are run, sessions print what they are shown to print, and
 * links lead somewhere. A block that is not run is in the table below, with the reason.
 *
 *   sh        a script, on a host of a circuit of three: it must succeed
 *   console   a session, on hosts by name: `web1$ COMMAND`, and what it prints; … stands for anything, and a command that
 *             ends in `# a moment later` is run again until it prints that
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type Host, network } from '../network.ts'
import { MAIN, noMount, until } from '../server.ts'
import { type Block, blocksOf, headingsOf, linksOf, patternOf, proseOf, stepsOf } from './blocks.ts'
import { HostShell } from './shell.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const HOSTS = ['web1', 'web2', 'db1'] as const

/** Blocks, by document and first words, that are not run here, and why. */
const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': {
    'npm ci': 'needs the registry; test/packaging/package.test.ts has what comes of it',
    './mount.sh': 'test/e2e/mount-script.test.ts',
    'npm cit': 'it is this',
  },
  'docs/containers.md': { '': 'needs an engine; test/e2e/containers.test.ts and test/semantics' },
  'docs/operations.md': {
    'npm install -g circuitfs': 'needs the registry and a booted systemd; test/packaging has its parts',
  },
  'docs/performance.md': { 'npm run bench': 'it takes minutes' },
  'docs/original.md': { '': 'test/e2e/seed' },
}

/** Sessions that begin on hosts without servers. */
const FRESH = ['circuit start ']

const documents = [
  'README.md',
  'examples/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const read = (document: string): string => readFileSync(join(ROOT, document), 'utf8')

const isSkipped = (document: string, { text }: Block): boolean =>
  Object.keys(NOT_RUN[document] ?? {}).some((words) => text.startsWith(words))
const isFresh = ({ text }: Block): boolean => FRESH.some((words) => text.includes(words))

t.test('links lead somewhere', async (t) => {
  for (const document of documents)
    for (const target of linksOf(read(document))) {
      if (/^https?:/.test(target)) continue
      const [path = '', heading] = target.split('#')
      const file = path === '' ? document : join(dirname(document), path)
      if (!t.ok(existsSync(join(ROOT, file)), `${document}: ${target}`)) continue
      if (heading) t.ok(headingsOf(read(file)).includes(heading), `${document}: ${target}`)
    }
})

t.test('what is listed as not run is there', async (t) => {
  for (const [document, reasons] of Object.entries(NOT_RUN))
    if (existsSync(join(ROOT, document)))
      for (const words of Object.keys(reasons))
        t.ok(
          blocksOf(read(document)).some(({ text }) => text.startsWith(words)),
          `${document}: ${words}`,
        )
})

t.test('commands are in blocks that say what they are', async (t) => {
  for (const document of documents) {
    const indented = /^ {4}(?:circuit|npm|cat|echo|mkdir|mount|dig|umount|systemctl) .*$/m.exec(
      proseOf(document && read(document)),
    )
    t.equal(indented?.[0], undefined, document)
  }
})

t.test('blocks', { skip: noMount }, async (t) => {
  const circuit = await network(t, HOSTS.length, { names: HOSTS })
  const bare = await network(t, 2, { servers: false, names: HOSTS })
  for (const document of documents) {
    const blocks = blocksOf(read(document)).filter((block) => !isSkipped(document, block))
    for (const block of blocks)
      await t.test(`${document}:${block.line}`, async (t) => {
        const known = ['', 'js', 'ts', 'sh', 'console']
        if (!known.includes(block.language)) return t.fail(`nobody runs blocks of ${block.language}`)
        if (block.language === 'js')
          return t.equal(document, 'docs/client.md', 'test/client/document.test.ts')
        if (block.language !== 'sh' && block.language !== 'console') return
        const shells = openShells(t, isFresh(block) ? bare.hosts : circuit.hosts, circuit.keyFile)
        await (block.language === 'sh' ? runScript(t, shells, block) : runSession(t, shells, block))
      })
    await clear(circuit.hosts)
  }
})

type Shells = (host: string) => HostShell

/** Shells on the hosts, in a directory that they share. */
function openShells(t: Test, hosts: readonly Host[], keyFile: string | undefined): Shells {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-docs-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  if (keyFile !== undefined) cpSync(keyFile, join(directory, 'key'))
  const shells = new Map<string, HostShell>()
  const open = (name: string): HostShell => {
    const host = hosts.find((host) => host.name === name)
    if (host === undefined) throw new Error(`there is no host ${name}`)
    const own = mkdtempSync(join(tmpdir(), `circuit-${name}-`))
    t.teardown(() => rmSync(own, { recursive: true }))
    const env: Record<string, string> = {
      NODE: process.execPath,
      MAIN,
      OWN: own,
      CIRCUIT_RUNTIME_DIR: join(own, 'run'),
    }
    if (host.running && keyFile !== undefined) {
      env.CIRCUIT = join(own, 'url')
      env.CIRCUIT_HMAC = keyFile
      writeFileSync(env.CIRCUIT, host.url)
    }
    const mount = host.running ? host.mount : join(own, 'circuit')
    return new HostShell(t, host, { mount, directory, env })
  }
  return (name) => {
    const shell = shells.get(name) ?? open(name)
    shells.set(name, shell)
    return shell
  }
}

async function runScript(t: Test, shells: Shells, { text }: Block): Promise<void> {
  const { output, status } = await shells(HOSTS[0]).run(`(\nset -e\n${text}\n)`)
  t.equal(status, 0, output)
  t.notMatch(output, /error|No such file/i)
}

async function runSession(t: Test, shells: Shells, { text }: Block): Promise<void> {
  const steps = stepsOf(text)
  t.ok(steps.length > 0, 'there is something to do')
  for (const { host, command, output } of steps) {
    const pattern = patternOf(output)
    let said = ''
    const isAsShown = async (): Promise<boolean> => {
      said = (await shells(host).run(command)).output
      return pattern.test(said)
    }
    if (command.endsWith('# a moment later')) await until(isAsShown)
    else await isAsShown()
    t.match(said, pattern, command)
  }
}

/** Takes away what a document has made. */
async function clear(hosts: readonly Host[]): Promise<void> {
  await hosts[0]?.run(
    'find $M/X* -mindepth 1 -depth -type d -exec sh -c "echo scrub >{}/ctl; rmdir {}" \\; 2>/dev/null',
  )
}
