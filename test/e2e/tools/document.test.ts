/**
 * docs/tools.md holds the tables that the tests beside this one run. With CIRCUIT_DOCS=write they are written into it
 * anew, to be read in the diff.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { fill, places, tables } from './document.ts'

const DOCUMENT = new URL('../../../../docs/tools.md', import.meta.url)

t.test('docs/tools.md', async (t) => {
  const document = readFileSync(DOCUMENT, 'utf8')
  const filled = fill(document)
  if (process.env.CIRCUIT_DOCS === 'write') writeFileSync(DOCUMENT, filled)
  t.same(places(document).sort(), Object.keys(tables).sort(), 'it has a place for every table')
  t.equal(filled, document, 'its tables are those of the tests')
})
