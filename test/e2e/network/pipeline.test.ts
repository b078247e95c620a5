/** A shell pipeline across three hosts: a process on A, its stdout copied by `cat` on B into the stdin of one on C. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type Host, network } from '../../network.ts'
import { noMount, runShell, until } from '../../server.ts'
import { residentMB } from '../measure.ts'

const DOCS = fileURLToPath(new URL('../../../../docs', import.meta.url))

type Three = readonly [Host, Host, Host]

const three = async (t: Test): Promise<Three> => (await network(t, 3)).hosts as unknown as Three

/** Starts the pipeline through A's mount; its parts are anchors named `name` on A, B and C. */
async function start([a, b, c]: Three, name: string, from: string, to: string): Promise<void> {
  const mkproc = (script: string): string =>
    `mkproc ${JSON.stringify({ Path: '/bin/sh', Args: ['-c', script] })}`
  const made = await a.run(
    `mkdir "$A" "$B" "$C" && echo "$TO" > "$C/ctl" && echo "$FROM" > "$A/ctl" && echo "$CAT" > "$B/ctl"`,
    {
      env: {
        A: a.at(a, name),
        B: a.at(b, name),
        C: a.at(c, name),
        FROM: mkproc(from),
        TO: mkproc(to),
        CAT: mkproc(`cat ${b.at(a, name, 'stdout')} > ${b.at(c, name, 'stdin')}`),
      },
    },
  )
  if (made.status !== 0) throw new Error(`the pipeline did not start: ${made.stderr}`)
}

/** What the last part of it prints, with the status of each part, as A reads them. */
async function result([a, b, c]: Three, name: string, limit: number): Promise<string> {
  const { stdout, stderr } = await a.run('cat "$C/stdout" "$A/wait" "$B/wait" "$C/wait"', {
    env: { A: a.at(a, name), B: a.at(b, name), C: a.at(c, name) },
    limit,
  })
  return stdout + stderr
}

t.setTimeout(300_000)

t.test('the words of our documents, counted on three hosts', { skip: noMount }, async (t) => {
  const hosts = await three(t)
  const words = `cat ${join(DOCS, '*.md')} | tr -cs A-Za-z '\\n'`
  const count = 'LC_ALL=C sort | uniq -c | LC_ALL=C sort -k1,1nr -k2'
  const { stdout } = await runShell(`${words} | ${count}`)
  t.ok(stdout.split('\n').length > 500, 'there is something to count')
  await start(hosts, 'words', words, count)
  t.equal(await result(hosts, 'words', 20_000), `${stdout}0\n0\n0\n`)
})

t.test('a gigabyte, and the memory of all three servers stays flat', { skip: noMount }, async (t) => {
  const hosts = await three(t)
  const size = 1 << 30
  const numbers = (bytes: number): string => `seq 1 1000000000 | head -c ${bytes}`
  const [{ stdout: sum }, warm] = [await runShell(`${numbers(size)} | cksum`), size / 8]
  // Buffers reach their size with the first part.
  await start(hosts, 'warm', numbers(warm), 'wc -c')
  t.equal(await result(hosts, 'warm', 60_000), `${warm}\n0\n0\n0\n`)
  const memory = (): number[] => hosts.map(({ server }) => residentMB(server.child.pid ?? 0))
  const before = memory()
  let most = before
  const watch = setInterval(() => {
    most = memory().map((now, i) => Math.max(now, most[i] ?? 0))
  }, 100)
  t.teardown(() => clearInterval(watch))
  const began = performance.now()
  await start(hosts, 'much', numbers(size), 'cksum')
  t.equal(await result(hosts, 'much', 250_000), `${sum}0\n0\n0\n`)
  t.comment(
    `${Math.round(size / (performance.now() - began) / 1000)} MB/s; MB before, at most:`,
    before,
    most,
  )
  for (const [i, now] of most.entries()) t.ok(now - (before[i] ?? 0) < 40, `${before[i]} MB, then ${now} MB`)
})

t.test('the end of the last part ends the pipeline', { skip: noMount }, async (t) => {
  const hosts = await three(t)
  const [a, b, c] = hosts
  await start(hosts, 'endless', 'exec yes', 'exec head -c 1000000 > /dev/null')
  const state = (of: Host): Promise<string> =>
    a.run('timeout 10 cat "$F"', { env: { F: a.at(of, 'endless/wait') } }).then(({ stdout }) => stdout)
  t.equal(await state(c), '0\n')
  t.equal(await state(b), '1\n', 'cat gets EPIPE, and says so')
  const A = a.at(a, 'endless')
  t.match(
    (await a.run('cat "$A/peek"', { env: { A } })).stdout,
    /"Phase": "running"/,
    'yes waits for a reader',
  )
  await a.run('echo kill > "$A/ctl"', { env: { A } })
  await until(async () => (await state(a)) === '137\n')
})
