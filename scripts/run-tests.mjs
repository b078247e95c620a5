// Runs the compiled tests, and makes sure that they leave the machine as they found it.
//
//   npm test -- [options] [part of a test file's path]...
//     -g PATTERN    only top-level subtests of a matching name
//     -j N          N files at a time (3: they wait more than they work)
//     -v            show their output as it comes
//     --node N      under another version of Node (22, 24)
//
// Each file has a process and a session of its own, no terminal, 120 seconds unless it calls t.setTimeout, and
//   TMPDIR             a directory of this run, removed at its end
//   CIRCUIT_TEST_RUN   six hexadecimal digits, to be part of the name of what can't be under TMPDIR, such as a
//                      network namespace or a link, and to tell this run's processes
// A file named *.serial.test.ts runs alone, after the others. The TAP that each file printed is kept in .tap/.
// A process, FUSE mount, network namespace or link left behind is a failure, and is cleared away. Namespaces without a
// name are there as long as a process in them. What is not marked as this run's may be another's, at the same time.
// With CI=true or CIRCUIT_NO_SKIPS=1 a skipped test or a todo is a failure too.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { inspect, parseArgs } from 'node:util'
import {
  describeProcess,
  fuseMounts,
  marked,
  mountsBelow,
  networkLinks,
  networkNamespaces,
  removeNetworkLink,
  removeNetworkNamespace,
  unmount,
} from './testing/leftovers.mjs'
import { runTestFile } from './testing/test-file.mjs'

const ROOT = resolve(import.meta.dirname, '..')
const NO_SKIPS = process.env.CI === 'true' || process.env.CIRCUIT_NO_SKIPS === '1'

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string', short: 'g' },
    jobs: { type: 'string', short: 'j', default: '3' },
    verbose: { type: 'boolean', short: 'v', default: false },
    node: { type: 'string' },
  },
})

const print = (text) => process.stdout.write(`${text}\n`)
const indent = (text, by) => text.trimEnd().replaceAll(/^/gm, by)

function findTests() {
  const all = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${name}`)
    // Backwards: the semantics, which take the longest, first, and short ones last.
    .sort()
    .reverse()
  return wanted.length === 0 ? all : all.filter((path) => wanted.some((part) => path.includes(part)))
}

/** What tap says of a failure, without what says it twice. */
function details(diagnostics) {
  if (diagnostics === undefined || diagnostics === null) return ''
  const { at, stack, source, ...rest } = diagnostics
  const lines = []
  if (stack) lines.push(stack.trimEnd())
  else if (at?.fileName) lines.push(`${at.fileName}:${at.lineNumber}:${at.columnNumber}`)
  for (const [name, value] of Object.entries(rest)) {
    const text = typeof value === 'string' ? value.trimEnd() : inspect(value, { depth: 6 })
    lines.push(text.includes('\n') ? `${name}:\n${indent(text, '  ')}` : `${name}: ${text}`)
  }
  return lines.join('\n')
}

const total = { passed: 0, failed: 0, skipped: 0 }

function report(source, outcome) {
  total.passed += outcome.passed
  total.failed += outcome.failed
  total.skipped += outcome.skips.length
  const counts = [
    `${outcome.passed} passed`,
    outcome.failed > 0 ? `${outcome.failed} FAILED` : '',
    outcome.skips.length > 0 ? `${outcome.skips.length} skipped` : '',
  ]
  const verdict = outcome.failed > 0 ? 'FAIL' : 'ok  '
  print(`${verdict} ${source} (${counts.filter(Boolean).join(', ')}, ${outcome.seconds.toFixed(1)} s)`)
  for (const skip of outcome.skips) print(`     ${skip}`)
  for (const failure of outcome.failures) {
    print(`  x ${failure.name}`)
    const text = details(failure.details)
    if (text !== '') print(indent(text, '      '))
  }
  if (outcome.failed > 0 && outcome.stderr !== '' && !options.verbose) {
    print(indent(`stderr of ${source}:\n${outcome.stderr}`, '    | '))
  }
}

const runId = randomBytes(3).toString('hex')
const temporary = join(tmpdir(), `ct-${runId}`)
const mountsBefore = fuseMounts()

/** Finds and removes what the run as a whole has left. */
async function clearAway() {
  const left = []
  for (const pid of marked(runId)) {
    left.push(describeProcess(pid))
    process.kill(pid, 'SIGKILL')
  }
  for (const [mount, directory] of fuseMounts()) {
    if (mountsBefore.has(mount)) continue
    // Tests mount below TMPDIR; what is elsewhere is someone else's, dead or alive.
    if (!directory.startsWith(`${temporary}/`)) continue
    left.push(`FUSE mount: ${directory}`)
    await unmount(directory)
  }
  // Of a Docker engine, for example.
  for (const place of mountsBelow(temporary)) {
    left.push(`mount: ${place}`)
    await unmount(place)
  }
  for (const name of networkNamespaces().filter((name) => name.includes(runId))) {
    left.push(`network namespace: ${name}`)
    await removeNetworkNamespace(name)
  }
  for (const name of networkLinks().filter((name) => name.includes(runId))) {
    left.push(`network link: ${name}`)
    await removeNetworkLink(name)
  }
  for (const what of left) print(`FAIL left behind: ${what}`)
  total.failed += left.length
  rmSync(temporary, { recursive: true, force: true, maxRetries: 3 })
}

let interrupted = false
const interruption = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interrupted = true
      resolve()
    })
  }
})

const node =
  options.node === undefined
    ? process.execPath
    : execFileSync(join(ROOT, 'scripts/other-nodes'), [options.node], { encoding: 'utf8' }).trim()

const env = { ...process.env, CIRCUIT_TEST_RUN: runId, TMPDIR: temporary }
if (options.grep !== undefined) env.TAP_GREP = options.grep

async function runAll(sources, jobs) {
  const waiting = [...sources]
  const worker = async () => {
    for (let source = waiting.shift(); source && !interrupted; source = waiting.shift()) {
      const compiled = join(ROOT, 'dist', source.replace(/ts$/, 'js'))
      const log = join(ROOT, '.tap', source.replace(/^test\/(.*)\.ts$/, '$1.tap'))
      const { verbose } = options
      report(source, await runTestFile(source, compiled, { node, env, log, verbose, interruption }))
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
}

const sources = findTests()
const isSerial = (source) => source.endsWith('.serial.test.ts')
mkdirSync(temporary)
chmodSync(temporary, 0o755) // tests run programs as other users, whatever the umask
rmSync(join(ROOT, '.tap'), { recursive: true, force: true })
await runAll(
  sources.filter((source) => !isSerial(source)),
  Number(options.jobs),
)
await runAll(sources.filter(isSerial), 1)
await clearAway()

const { passed, failed, skipped } = total
const problems = []
if (passed + failed + skipped === 0) problems.push('no test was run')
if (NO_SKIPS && skipped > 0) problems.push(`${skipped} skipped, and here none may be`)
if (interrupted) problems.push('interrupted')
for (const problem of problems) print(`FAIL ${problem}`)
print(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 || problems.length > 0 ? 1 : 0
