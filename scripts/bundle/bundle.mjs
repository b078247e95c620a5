/**
 * Makes dist/bin, the program that package.json names. The commands that are clients are in one file there, because a file
 * costs more to find and load than to run, and beside it is what V8 has compiled of it. Servers and mounts run from their
 * own files: they start threads and scripts that lie beside these, and nobody waits for their start.
 *
 * Where esbuild is not installed the program just runs the unbundled one; with --required that is an error.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
const CLIENTS = `${dist}bin/clients.cjs`
const COMPILED = `${dist}bin/clients.v8`
const NOT_BUNDLED = ['start', 'mount', 'help', 'completion']
const START_MS = 10_000

const { commands } = await import(`${dist}src/cli/commands.js`)
const clients = Object.keys(commands).filter((name) => !NOT_BUNDLED.includes(name))
const esbuild = await import('esbuild').catch((error) => {
  if (process.argv.includes('--required')) throw error
})

mkdirSync(`${dist}bin`, { recursive: true })
copyFileSync(`${here}launcher.cjs`, `${dist}bin/circuit.cjs`)
const before = existsSync(CLIENTS) && readFileSync(CLIENTS, 'utf8')
if (esbuild) await bundle()
else writeFileSync(CLIENTS, 'unbundled()\n')
if (esbuild && (readFileSync(CLIENTS, 'utf8') !== before || !existsSync(COMPILED))) await compile()

function bundle() {
  return esbuild.build({
    stdin: {
      contents: `if (${JSON.stringify(clients)}.includes(process.argv[2])) import('./main.js'); else unbundled()`,
      resolveDir: `${dist}src/cli`,
    },
    outfile: CLIENTS,
    bundle: true,
    minify: true,
    platform: 'node',
    // Node starts CommonJS sooner.
    format: 'cjs',
    target: 'node20',
    // The first three are never reached from the bundle; the last seldom, and it is large.
    external: ['./start.js', './mount.js', './completion.js', 'bonjour-service'],
    logLevel: 'warning',
  })
}

/** Has a command run once on a server of its own, so that what it uses is compiled, and keeps that. Not without a server. */
async function compile() {
  rmSync(COMPILED, { force: true })
  const directory = mkdtempSync(join(tmpdir(), 'circuit-build-'))
  const env = { ...process.env, CIRCUIT_RUNTIME_DIR: directory }
  for (const name of Object.keys(env)) if (/^CIRCUIT(_HMAC|_DISCOVER)?$/.test(name)) delete env[name]
  const server = spawn(process.execPath, [`${dist}src/cli/main.js`, 'start', '--no-mount'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(server, 'close')
  try {
    const lines = createInterface({ input: server.stdout })
    await Promise.race([once(lines, 'line'), ended, sleep(START_MS, undefined, { ref: false })])
    execFileSync(process.execPath, [`${here}compile.cjs`, 'ls', '/'], {
      env: { ...env, CLIENTS, COMPILED },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: START_MS,
    })
  } catch (error) {
    console.error(`bundle: clients will start more slowly: ${error.message}`)
  } finally {
    server.kill()
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
}
