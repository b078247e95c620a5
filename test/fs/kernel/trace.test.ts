/**
 * The kernel's protocol by traces: test/traces/*.txt hold requests and the replies that they must get. trace.ts says
 * how to read them. With CIRCUIT_TRACES=write the replies are written anew, to be read in the diff.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { runTrace } from './trace.ts'

const DIRECTORY = new URL('../../../../test/traces/', import.meta.url)

for (const name of readdirSync(DIRECTORY).sort()) {
  t.test(name, async (t) => {
    const file = new URL(name, DIRECTORY)
    const expected = readFileSync(file, 'utf8')
    const found = await runTrace(expected)
    if (process.env.CIRCUIT_TRACES === 'write') writeFileSync(file, found)
    t.ok(/^> /m.test(expected) && /^< /m.test(expected), 'the trace has requests and replies')
    t.equal(found, expected)
  })
}
