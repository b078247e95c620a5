/**
 * poll, select and epoll, level- and edge-triggered, on every file that blocks, with O_NONBLOCK; and what is built on
 * them: two event loops that meet, one that has many files, those of asyncio and of Node.
 */
import t, { type Test } from 'tap'
import { PRELUDE } from '../semantics/python.ts'
import { noMount, startServer, type TestServer, workplace } from '../server.ts'
import { fixture } from './programs.ts'

interface Place {
  /** A fresh anchor. */
  anchor(): Promise<string>
  sh: TestServer['sh']
}

/** On the server that is mounted, and on another. */
const PLACES: Readonly<Record<string, (t: Test) => Promise<Place>>> = {
  local: (t) => startServer(t),
  remote: async (t) => {
    const near = await startServer(t)
    const far = await startServer(t, { args: ['-j', near.url] })
    return workplace(near.mount, `${near.mount}/${far.id}`)
  },
}

/** What a fixture in Python prints, which is given an anchor. */
async function python({ sh, anchor }: Place, name: string): Promise<string> {
  const env = { PYTHONDONTWRITEBYTECODE: '1', ROUND_TRIP: '0', PRELUDE, P: fixture(name), A: await anchor() }
  const { status, stdout, stderr } = await sh('exec python3 "$P"', { env, limit: 60_000 })
  return status === 0 ? stdout : `status ${status}: ${stdout}${stderr}`
}

const ENDS = `recv close: IN HUP ENODATA
recv scrub: IN HUP ECANCELED
send close: OUT ERR EPIPE
send scrub: OUT ERR ECANCELED
stdout close stdin: IN b''
stdout kill: IN b''
stdout discard stdout: IN b''
stdout scrub: IN ECANCELED
wait close stdin: IN b'0\\n'
wait kill: IN b'137\\n'
wait scrub: IN ECANCELED
`

const CONVERSATIONS = `40 rounds, status 0
40 rounds, status 0
40 rounds, status 0
timers went on
`

for (const [name, start] of Object.entries(PLACES))
  t.test(name, { skip: noMount }, async (t) => {
    const place = await start(t)
    const files = await python(place, 'poll_files.py')
    t.equal(files, 'checked\n', 'each file is ready when it can be used, and only then')
    t.equal(await python(place, 'poll_ends.py'), ENDS, 'ends are told')
    t.equal(await python(place, 'poll_loops.py'), 'checked\n', 'event loops meet')
    const env = { P: fixture('conversations.mjs'), A: await place.anchor() }
    const { stdout, stderr } = await place.sh(`exec '${process.execPath}' "$P" "$A"`, { env, limit: 60_000 })
    t.equal(stdout + stderr, CONVERSATIONS, "Node's event loop goes on")
  })
