/** What tools print and take of stdout, recv, wait, ctl and peek, as docs/tools.md says. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { noMount } from '../../server.ts'
import { type Reader, readers } from './readers.ts'
import { drain, forAll, pattern, readEnough, TEXT, Workshop } from './workshop.ts'

interface Filled {
  readonly anchor: string
  /** What there is to read in the file. */
  readonly text: string
  /** What can still be read afterwards. */
  left(): Promise<string>
}

const NEXT = 'the next message\n'

/** Makes an anchor in which the file of that name has something to read, and says what. */
const FILES: Readonly<Record<string, (workshop: Workshop) => Promise<Filled>>> = {
  async stdout(workshop) {
    const anchor = await workshop.anchor("run printf 'one\\ntwo\\n'")
    await readFile(join(anchor, 'wait'))
    return { anchor, text: TEXT, left: () => readEnough(join(anchor, 'stdout')) }
  },
  async recv(workshop) {
    const anchor = await workshop.anchor('mkchan 2')
    for (const message of [TEXT, NEXT]) await writeFile(join(anchor, 'send'), message)
    return { anchor, text: TEXT, left: async () => (await drain(anchor)).join('') }
  },
  async wait(workshop) {
    const anchor = await workshop.anchor("run sh -c 'exit 3'")
    return { anchor, text: '3\n', left: async () => '' }
  },
  async ctl(workshop) {
    const anchor = await workshop.anchor('mkchan')
    return { anchor, text: await readFile(join(anchor, 'ctl'), 'utf8'), left: async () => '' }
  },
  async peek(workshop) {
    return { anchor: await workshop.anchor(), text: 'null\n', left: async () => '' }
  },
}

/** What must be left, in the file from which each byte can be taken but once. */
function expectedRest(file: string, text: string, printed: string, { takes = 'all' }: Reader): string {
  if (file === 'recv') return takes === 'nothing' ? text + NEXT : NEXT
  if (file !== 'stdout' || takes === 'all' || takes === 'block') return ''
  return takes === 'printed' ? text.slice(printed.length) : text
}

for (const [group, rows] of Object.entries(readers))
  t.test(group, { skip: noMount }, async (t) => {
    const workshop = await Workshop.open(t)
    await forAll(rows, async (row) => {
      const { run, shell = 'sh', prints = (text: string) => text, status = 0, complains = '' } = row
      for (const [file, fill] of Object.entries(FILES)) {
        if (row.except?.includes(file)) continue
        const { anchor, text, left } = await fill(workshop)
        const outcome = await workshop.run(anchor, { ...row, run: run.replaceAll('FILE', file) })
        const name = `${shell}: ${run} (${file})`
        t.equal(outcome.stdout, prints(text), `${name}: prints`)
        t.equal(outcome.status, status, `${name}: status`)
        t.match(outcome.stderr, pattern(complains.replaceAll('FILE', file)), `${name}: says`)
        if (complains === '') t.equal(outcome.stderr, '', `${name}: does not complain`)
        t.equal(await left(), expectedRest(file, text, prints(text), row), `${name}: leaves`)
      }
    })
    t.notMatch(workshop.server.log(), /Warning|internal error/, 'the server has nothing to complain of')
  })
