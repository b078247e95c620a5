/** Runs $CLIENTS as the launcher does, and keeps in $COMPILED what V8 has compiled of it by the end. */
const { readFileSync, writeFileSync } = require('node:fs')
const { Script } = require('node:vm')

const { CLIENTS, COMPILED } = process.env
// The launcher's words exactly: V8 compares their number.
const source = `(function (require, unbundled) {${readFileSync(CLIENTS, 'utf8')}\n})`
const script = new Script(source, { filename: CLIENTS })
script.runInThisContext()(require, () => {
  throw new Error('this is no command of a client')
})
process.on('exit', (status) => {
  if (status === 0) writeFileSync(COMPILED, script.createCachedData())
})
