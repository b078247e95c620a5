/**
 * Makes dist/bin/circuit.cjs, the program that package.json names: the commands that are clients, in one file, because a
 * file costs more to find and load than to run; and CommonJS, because Node starts that sooner. Servers and mounts run from
 * their own files: they start threads and scripts that lie beside these, and nobody waits for their start.
 *
 * Where esbuild is not installed the program just runs the unbundled one; with --required that is an error.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const from = `${root}dist/src/cli`
const program = `${root}dist/bin/circuit.cjs`
const UNBUNDLED = '../src/cli/main.js'
const NOT_BUNDLED = ['start', 'mount', 'help']

const { commands } = await import(`${from}/commands.js`)
const clients = Object.keys(commands).filter((name) => !NOT_BUNDLED.includes(name))
const launcher = `if (${JSON.stringify(clients)}.includes(process.argv[2])) import('./main.js')
else import('${UNBUNDLED}')`

rmSync(`${root}dist/bin`, { recursive: true, force: true })
mkdirSync(`${root}dist/bin`, { recursive: true })
const esbuild = await import('esbuild').catch((error) => {
  if (process.argv.includes('--required')) throw error
})
if (esbuild)
  await esbuild.build({
    stdin: { contents: launcher, resolveDir: from },
    outfile: program,
    bundle: true,
    minify: true,
    // Errors bear the names of their classes.
    keepNames: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // The last two are never reached from the bundle.
    external: [UNBUNDLED, './start.js', './mount.js'],
    banner: { js: '#!/usr/bin/env node' },
    logLevel: 'warning',
  })
else writeFileSync(program, `#!/usr/bin/env node\nimport('${UNBUNDLED}')\n`)
chmodSync(program, 0o755)
