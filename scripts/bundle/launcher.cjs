#!/usr/bin/env node
/** The program `circuit`: clients.cjs, with what V8 compiled of it at build, which another V8 ignores. */
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')

const file = `${__dirname}/clients.cjs`
const source = `(function (require, unbundled) {${readFileSync(file, 'utf8')}\n})`
let cachedData
try {
  cachedData = readFileSync(`${__dirname}/clients.v8`)
} catch {
  // It only saves time.
}
new Script(source, { filename: file, cachedData }).runInThisContext()(
  require,
  () => import('../src/cli/main.js'),
)
