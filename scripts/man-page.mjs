/** Makes dist/man/circuit.1, which package.json names, so that npm install puts it where man(1) finds it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const { commands } = await import(`${dist}src/cli/commands.js`)
const { manPage } = await import(`${dist}src/cli/man-page.js`)
const { VERSION } = await import(`${dist}src/node/version.js`)

mkdirSync(`${dist}man`, { recursive: true })
writeFileSync(`${dist}man/circuit.1`, await manPage(commands, VERSION))
