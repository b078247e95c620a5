/** The sentences of docs/semantics.md on subscriptions. */
import type { Test } from 'tap'
import { startServer, type TestServer, until } from '../server.ts'
import { onThisHost as sentence } from './place.ts'

interface Pair {
  readonly near: TestServer
  /** A server that has joined `near`, of that name. */
  join(name: string): Promise<TestServer>
  /** What a loop over `recv` of an anchor has received. */
  listen(anchor: string): () => Promise<string[]>
}

async function circuit(t: Test): Promise<Pair> {
  const near = await startServer(t, { args: ['--name', 'near'] })
  return {
    near,
    join: (name) => startServer(t, { args: ['--name', name, '-j', near.url] }),
    listen: (anchor) => async () => {
      // Each message is read with an open of its own, as long as there are any.
      const script = `while [ "$(sed -n 's/.*"Pending": //p' "$A/peek")" != 0, ]; do cat "$A/recv"; done`
      const { stdout } = await near.sh(script, { env: { A: anchor } })
      return stdout.split('\n').filter(Boolean)
    },
  }
}

const pathOf = ({ id }: TestServer): string => `/${id}`

sentence('E1 E2 E3 E4 E6 E7 subscriptions tell who comes and who goes', async (t) => {
  const { near, join, listen } = await circuit(t)
  const first = await join('first')
  const [joins, leaves] = [await near.anchor('mk@join'), await near.anchor('mk@leave')]
  const [come, gone] = [listen(joins), listen(leaves)]
  const far = `${first.mount}/${near.id}/${joins.split('/').at(-1)}`
  t.match(await first.sh('cat "$F/peek"', { env: { F: far } }), {
    stdout: '{\n\t"Source": "join",\n\t"Pending": 2,\n\t"Closed": false\n}\n',
  })
  t.match(
    await first.sh('cat "$F/recv"', { env: { F: far } }),
    { stdout: `${pathOf(near)}\n` },
    'also from afar',
  )
  t.same(await come(), [pathOf(first)])
  t.same(await gone(), [])

  const waiting = near.sh('cat "$A/recv"', { env: { A: joins } })
  const second = await join('second')
  t.match(await waiting, { stdout: `${pathOf(second)}\n` }, 'who waits is woken')
  await first.stop()
  await second.kill()
  const all: string[] = []
  await until(async () => all.push(...(await gone())) === 2, 20_000)
  t.same(all, [pathOf(first), pathOf(second)])

  const third = await join('third')
  t.same(await come(), [pathOf(third)], 'joining again after all that is one event')
  t.match(await near.sh('LC_ALL=C rmdir "$A"', { env: { A: joins } }), { stderr: /busy/ })
  t.match(await near.sh('echo scrub > "$A/ctl" && rmdir "$A"', { env: { A: joins } }), { status: 0 })
})

sentence('E5 at most 4,096 messages wait', async (t) => {
  // With so many servers it is shown in test/node/element/subscription.test.ts; here, that the files say the number.
  const { near } = await circuit(t)
  const joins = await near.anchor('mk@join')
  t.match(await near.sh('cat "$A/help"', { env: { A: joins } }), { stdout: /recv .*4096/ })
})
