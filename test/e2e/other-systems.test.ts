/**
 * What is not Linux: there are clients, the library, and servers that mount nothing and run no processes. None is at hand, so
 * Node is told that it is on another system, and what only Linux has, /proc and /dev/fuse, is hidden.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { MAIN, noMount, runShell } from '../server.ts'

const SOURCE = fileURLToPath(new URL('../../../src/', import.meta.url))

/** Where it is said what only Linux has: the kernel's protocol, processes, and whether a command is in the foreground (which can fail). */
const LINUX = /^(fs\/kernel|node\/element\/process)\/|^cli\/progress.ts$/

t.test('what only Linux has is used in few places', async (t) => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const using = files.filter((name) =>
    /['"`]\/(proc|dev|sys)\b/.test(
      readFileSync(join(SOURCE, name), 'utf8').replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, ''),
    ),
  )
  t.ok(using.length > 3, 'they are found')
  t.same(
    using.filter((name) => !LINUX.test(name)),
    [],
  )
})

t.test('the library loads nothing of that, and starts no programs', async (t) => {
  const loaded = closure(join(SOURCE, 'index.ts'))
  t.ok(loaded.length > 20)
  t.same(
    loaded.filter(
      (file) =>
        LINUX.test(file.slice(SOURCE.length)) ||
        /child_process|worker_threads/.test(readFileSync(file, 'utf8')),
    ),
    [],
  )
})

/** All files that a file imports, now or later. */
function closure(file: string, found: string[] = []): string[] {
  if (found.includes(file)) return found
  found.push(file)
  for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
    const next = resolve(dirname(file), path)
    if (next.endsWith('.ts')) closure(next, found)
  }
  return found
}

const PRETEND = "data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})"

t.test('a server and its clients on another system', { skip: noMount }, async (t) => {
  const within = [
    'unshare',
    '-m',
    '--propagation',
    'private',
    '--',
    'sh',
    '-c',
    `
    mount -t tmpfs none /proc && mount --bind /dev/null /dev/fuse && exec "$@"`,
    'sh',
  ]
  const { stdout, stderr } = await runShell(
    `circuit() { "$NODE" --import "$PRETEND" "$MAIN" "$@"; }
     export CIRCUIT_RUNTIME_DIR=$TMPDIR/other-$$
     circuit start; echo $?
     coproc SERVER { exec "$NODE" --import "$PRETEND" "$MAIN" start --no-mount --name other; }
     read -r url <&"\${SERVER[0]}"
     circuit mkchan /self/talk 1; echo hello | circuit send /self/talk; circuit recv /self/talk
     circuit mkdns /self/names; circuit set /self/names 'a.test. A 10.0.0.1'
     circuit mk@join /self/joins; circuit recv /self/joins
     circuit ls /by-name
     circuit mkproc /self/p <<< '{"Path":"ls"}'; echo $?
     circuit leave /self; wait; rm -r "$CIRCUIT_RUNTIME_DIR"`,
    { within, shell: 'bash', env: { NODE: process.execPath, MAIN, PRETEND }, limit: 60_000 },
  )
  t.match(stdout, /^1\nhello\n\/X[0-9a-f]{16}\n\/by-name\/other\n1\n$/)
  t.match(stderr, 'mounted on Linux alone, and this is darwin: use --no-mount')
  t.match(stderr, 'this server runs on darwin: it makes no processes')
})
