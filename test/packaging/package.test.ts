/** What `npm pack` makes runs where nothing else of this directory is: what it lacks would be missed. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { noMount, runShell, startServer } from '../server.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
/** What is needed at run time: `node_modules/NAME`; what these have in theirs comes with them. */
const dependencies = Object.keys(packages).filter(
  (path) => path.lastIndexOf('node_modules/') === 0 && packages[path].dev !== true,
)

t.test('the package, unpacked beside its dependencies', { skip: noMount }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-package-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  // The build is not repeated: other tests run from it. What npm install does with the tarball is left out, it needs the registry.
  const packed = await runShell('cd "$R" && npm pack --silent --ignore-scripts --pack-destination "$D"', {
    env: { R: ROOT, D: directory },
    limit: 60_000,
  })
  t.equal(packed.status, 0, packed.stderr)
  await runShell('cd "$D" && tar xzf *.tgz', { env: { D: directory } })
  const home = join(directory, 'package')
  for (const path of dependencies) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    symlinkSync(join(ROOT, path), join(home, path))
  }
  const program = join(home, bin.circuit)
  const circuit = (words: string, runtime = ''): ReturnType<typeof runShell> =>
    runShell(`exec "${process.execPath}" "${program}" ${words}`, { env: { CIRCUIT_RUNTIME_DIR: runtime } })

  t.ok(existsSync(join(home, 'src/fs/kernel/receive-fd.pl')), 'what mounts for users other than root')
  t.match(await circuit('version'), { status: 0, stdout: /^circuit \d/ })
  t.match(await circuit('help start'), { status: 0, stdout: '--mount' })
  const runtime = join(directory, 'run')
  const server = await startServer(t, { main: program, env: { CIRCUIT_RUNTIME_DIR: runtime } })
  t.match(await circuit('ls /', runtime), { status: 0, stdout: `/${server.id}\n` })
  t.match(await circuit('run -- echo hello', runtime), { status: 0, stdout: 'hello\n', stderr: '' })
  const library = `import { connect } from 'circuitfs'
    const circuit = await connect(); console.log((await circuit.servers())[0].name); await circuit.close()`
  const used = await runShell(
    'cd "$D" && mkdir -p app/node_modules && ln -s ../../package app/node_modules/circuitfs && cd app && exec "$N" --input-type=module -e "$L"',
    { env: { D: directory, N: process.execPath, L: library, CIRCUIT_RUNTIME_DIR: runtime } },
  )
  t.same(used, { status: 0, stdout: 'web1\n', stderr: '' }, 'the library')
  t.equal((await server.stop()).status, 0)
  const said = await runShell(
    `DESTDIR=${directory}/d CIRCUIT_PROGRAM=${program} ${home}/packaging/install.sh`,
  )
  t.match(said, { status: 0 })
})
