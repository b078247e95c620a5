/** What shells do, as docs/tools.md says. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { noMount } from '../../server.ts'
import { type Construct, constructs, SHELLS, type Shell } from './shells.ts'
import { drain, forAll, Workshop } from './workshop.ts'

async function check(t: Test, workshop: Workshop, construct: Construct, shell: Shell): Promise<void> {
  const { but = {}, given = [], closed } = construct
  const deviation = but[shell]
  if (deviation === 'none') return
  const { run, prints = '', status = 0, sends = [] } = { ...construct, ...deviation }
  const root = await workshop.anchor()
  await workshop.make(join(root, 'jobs'), 'run cat')
  await workshop.make(join(root, 'talk'), 'mkchan 9')
  for (const message of given) await writeFile(join(root, 'talk/send'), message)
  if (closed) await writeFile(join(root, 'talk/ctl'), 'close\n')
  const outcome = await workshop.run(root, { run, shell })
  t.equal(outcome.stdout, prints, `${shell}: ${run}: prints`)
  t.equal(outcome.status, status, `${shell}: ${run}: status`)
  t.same(await drain(join(root, 'talk')), sends, `${shell}: ${run}: sends`)
}

for (const shell of SHELLS)
  t.test(shell, { skip: noMount }, async (t) => {
    const workshop = await Workshop.open(t)
    await forAll(constructs, (construct) => check(t, workshop, construct, shell))
    t.notMatch(workshop.server.log(), /Warning|internal error/, 'the server has nothing to complain of')
  })
