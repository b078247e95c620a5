/** What tools make of stdin, send and ctl when they write to them, as docs/tools.md says. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { noMount } from '../../server.ts'
import { drain, forAll, pattern, readEnough, TEXT, Workshop } from './workshop.ts'
import { type Writer, writers } from './writers.ts'

const COMMENT = '# one more line\n'

/** What each file holds after a tool has written to it. */
const FILES: Readonly<Record<string, (t: Test, workshop: Workshop, writer: Writer) => Promise<void>>> = {
  async stdin(t, workshop, writer) {
    const anchor = await workshop.anchor('run cat')
    const name = await write(t, workshop, anchor, 'stdin', writer)
    const expected = (writer.messages ?? [TEXT]).join('')
    t.equal(await readEnough(join(anchor, 'stdout'), expected.length), expected, `${name}: is read`)
    if (writer.ends === false) await writeFile(join(anchor, 'stdin'), COMMENT)
    const rest = writer.ends === false ? COMMENT : ''
    t.equal(await readEnough(join(anchor, 'stdout')), rest, `${name}: is ended, or can be gone on with`)
  },
  async send(t, workshop, writer) {
    const anchor = await workshop.anchor('mkchan 9')
    const name = await write(t, workshop, anchor, 'send', writer)
    t.same(await drain(anchor), writer.messages ?? [TEXT], `${name}: messages`)
  },
  async ctl(t, workshop, writer) {
    const anchor = await workshop.anchor()
    await write(t, workshop, anchor, 'ctl', writer, `${COMMENT}mkchan 7\n`)
    t.match(await readFile(join(anchor, 'peek'), 'utf8'), /"Cap": 7/, `${writer.run}: the command has run`)
  },
  async badCtl(t, workshop, writer) {
    const anchor = await workshop.anchor()
    const run = `printf %s "$WRONG" > ~/text; ${writer.run.replaceAll('FILE', 'ctl')}`
    const wrong = `${COMMENT}mkchan x\n`
    const env = { WRONG: wrong, TEXT: wrong.trimEnd() }
    const { status, stderr } = await workshop.run(anchor, { ...writer, run, env })
    const { complains = 'Invalid argument' } = writer
    t.equal(status, writer.status ?? 1, `${writer.run} (ctl fails): status`)
    t.match(stderr, pattern(complains.replaceAll('FILE', 'ctl')), `${writer.run} (ctl fails): says`)
    t.match(await readFile(join(anchor, 'error'), 'utf8'), /mkchan x: .*not x/, `${writer.run}: error`)
  },
}

async function write(
  t: Test,
  workshop: Workshop,
  anchor: string,
  file: string,
  { run, ...use }: Writer,
  text = TEXT,
): Promise<string> {
  const name = `${use.shell ?? 'sh'}: ${run} (${file})`
  const script = `printf %s "$WANTED" > ~/text; ${run.replaceAll('FILE', file)}`
  const env = { WANTED: text, TEXT: text.trimEnd() }
  const { status } = await workshop.run(anchor, { ...use, run: script, env })
  t.equal(status, 0, `${name}: status`)
  return name
}

async function isRefused(t: Test, workshop: Workshop, { run, ...writer }: Writer): Promise<void> {
  const anchor = await workshop.anchor('mkchan 9')
  const script = run.replaceAll('FILE', 'send')
  const { status, stderr } = await workshop.run(anchor, { ...writer, run: script })
  t.equal(status, writer.status ?? 1, `${run}: status`)
  t.match(stderr, pattern((writer.refused ?? '').replaceAll('FILE', 'send')), `${run}: says`)
  t.same(await drain(anchor), [], `${run}: sends nothing`)
}

for (const [group, rows] of Object.entries(writers))
  t.test(group, { skip: noMount }, async (t) => {
    const workshop = await Workshop.open(t)
    await forAll(rows, async (row) => {
      if (row.refused) return isRefused(t, workshop, row)
      for (const check of Object.values(FILES)) await check(t, workshop, row)
    })
    t.notMatch(workshop.server.log(), /Warning|internal error/, 'the server has nothing to complain of')
  })
