/** What tools make of a tree of anchors, as docs/tools.md says. */
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { noMount } from '../../server.ts'
import { ANCHORS, MESSAGE, type TreeUse, trees } from './trees.ts'
import { drain, forAll, pattern, readEnough, TEXT, Workshop } from './workshop.ts'

async function plant(workshop: Workshop): Promise<string> {
  const root = await workshop.anchor()
  for (const [path, command] of Object.entries(ANCHORS)) await workshop.make(join(root, path), command)
  await readFile(join(root, 'jobs/done/wait'))
  await writeFile(join(root, 'talk/send'), MESSAGE)
  return root
}

async function check(t: Test, workshop: Workshop, use: TreeUse): Promise<void> {
  const { run, prints, complains, status = 0, takes, removes = [] } = use
  const root = await plant(workshop)
  const outcome = await workshop.run(root, use)
  t.equal(outcome.status, status, `${run}: status`)
  if (prints instanceof RegExp) t.match(outcome.stdout, prints, `${run}: prints`)
  else if (prints !== undefined) t.equal(outcome.stdout, prints, `${run}: prints`)
  if (complains) t.match(outcome.stderr, pattern(complains), `${run}: says`)
  else t.equal(outcome.stderr, '', `${run}: does not complain`)
  for (const path of Object.keys(ANCHORS)) {
    const there = await stat(join(root, path)).then(
      () => true,
      () => false,
    )
    t.equal(there, !removes.includes(path), `${run}: ${path} is there or not`)
  }
  const messages = takes === 'message' || takes === 'both' ? [] : [MESSAGE]
  t.same(await drain(join(root, 'talk')), messages, `${run}: messages`)
  t.same(await drain(join(root, 'empty')), [], `${run}: sends nothing`)
  await writeFile(join(root, 'jobs/running/stdin'), TEXT)
  t.equal(await readEnough(join(root, 'jobs/running/stdout')), TEXT, `${run}: the process runs on`)
  if (removes.includes('jobs/done')) return
  const output = takes === 'output' || takes === 'both' ? '' : TEXT
  t.equal(await readEnough(join(root, 'jobs/done/stdout')), output, `${run}: output`)
}

for (const [group, rows] of Object.entries(trees))
  t.test(group, { skip: noMount }, async (t) => {
    const workshop = await Workshop.open(t)
    await forAll(rows, (row) => check(t, workshop, row))
    t.notMatch(workshop.server.log(), /Warning|internal error/, 'the server has nothing to complain of')
  })
