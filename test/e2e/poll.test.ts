/**
 * poll, select and epoll, level- and edge-triggered, on every file that blocks, with O_NONBLOCK; and what is built on
 * them: two event loops that meet, one that has many files, those of asyncio and of Node.
 */
import t from 'tap'
import { PRELUDE } from '../semantics/python.ts'
import { noMount, startServer, type TestServer } from '../server.ts'
import { fixture } from './programs.ts'

/** What a fixture in Python prints, which is given an anchor. */
async function python(server: TestServer, name: string): Promise<string> {
  const env = { PRELUDE, P: fixture(name), A: await server.anchor() }
  const { status, stdout, stderr } = await server.sh('exec python3 "$P"', { env, limit: 60_000 })
  return status === 0 ? stdout : `status ${status}: ${stdout}${stderr}`
}

t.test('each file is ready when it can be used, and only then', { skip: noMount }, async (t) => {
  t.equal(await python(await startServer(t), 'poll_files.py'), 'checked\n')
})
