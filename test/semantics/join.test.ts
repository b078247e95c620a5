/** The sentences of docs/semantics.md on servers that join each other. */
import { startServer, type TestServer, until } from '../server.ts'
import { onThisHost as sentence } from './place.ts'

sentence('S11 join makes two circuits one', async (t) => {
  const [a, b, c] = await Promise.all(
    ['a', 'b', 'c'].map((name) => startServer(t, { args: ['--name', name] })),
  )
  if (!a || !b || !c) throw new Error('three servers were started')
  const names = async (server: TestServer): Promise<string> => (await server.sh('ls -x $M/by-name')).stdout
  const join = (server: TestServer, url: string) =>
    server.sh('LC_ALL=C; printf "join %s\\n" "$URL" > $S/ctl', { env: { URL: url }, shell: 'bash' })

  t.match(await join(a, b.url), { status: 0, stderr: '' })
  t.match(await names(a), /^a +b\n$/, 'at once')
  t.match(await names(b), /^a +b\n$/, 'on the other side too')
  t.match(await join(c, a.url), { status: 0, stderr: '' })
  for (const server of [a, b, c]) await until(async () => /^a +b +c\n$/.test(await names(server)))

  t.match(await join(a, b.url), { status: 0, stderr: '' }, 'again')
  t.match(await join(a, a.url), { status: 0, stderr: '' }, 'itself')
  t.match(await names(a), /^a +b +c\n$/)
  t.match(await join(a, 'nonsense'), { status: 1, stderr: /Invalid argument/ })
  t.match(await join(a, 'circuit://127.0.0.1:1'), { status: 1, stderr: /Host is down/ })
  t.match((await a.sh('cat $S/error')).stdout, /can't reach 127.0.0.1:1/)
})
