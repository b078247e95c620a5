/** Both ways of reading requests from the kernel do all that the tree needs; without the faster one the other is taken. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { blockFifty } from '../../e2e/blocked.ts'
import { isMounted, noMount, startServer, type TestServer, until } from '../../server.ts'

const kindOf = async (server: TestServer): Promise<string | undefined> =>
  /^circuit_fuse_reader\{kind="(\w+)"\} 1$/m.exec((await server.sh('cat $S/metrics')).stdout)?.[1]

/** A module that is loaded into the server before anything else. */
function preload(t: Test, source: string): { readonly NODE_OPTIONS: string } {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-preload-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'preload.cjs')
  writeFileSync(file, source)
  return { NODE_OPTIONS: `--require=${file}` }
}

for (const kind of ['epoll', 'pool']) {
  t.test(`the reader ${kind}`, { skip: noMount }, async (t) => {
    const server = await startServer(t, { env: { CIRCUIT_FUSE_READER: kind } })
    t.equal(await kindOf(server), kind)
    const anchor = await server.anchor('run wc -c')
    const { stdout } = await server.sh(
      'head -c 5000000 /dev/zero | dd bs=1M of=$A/stdin 2>/dev/null; cat $A/stdout $A/wait',
      {
        env: { A: anchor },
      },
    )
    t.equal(stdout, '5000000\n0\n', 'writes of 1 MiB')
    t.equal((await server.sh('mkdir $S/x; ls $S | wc -l; rmdir $S/x')).stdout, '9\n')
    const channel = await server.anchor('mkchan')
    const interrupted = await server.sh(
      'timeout 0.2 cat $A/recv; echo $?; echo hello > $A/send & cat $A/recv; wait',
      {
        env: { A: channel },
      },
    )
    t.equal(interrupted.stdout, '124\nhello\n', 'interrupts')
    const { ends } = await blockFifty(server)
    const ended = once(server.child, 'exit')
    server.child.kill('SIGTERM')
    t.same(await ended, [0, null], 'it stops with calls blocked')
    t.same(await ends, { 4: 50 })
    t.notOk(isMounted(server.mount))
  })

  t.test(`the reader ${kind} ends when somebody unmounts`, { skip: noMount }, async (t) => {
    const server = await startServer(t, { env: { CIRCUIT_FUSE_READER: kind } })
    await server.sh('umount $M')
    await until(() => server.child.exitCode !== null)
    t.equal(server.child.exitCode, 0)
    t.match(server.log(), /the tree was unmounted; stopping/)
  })
}

t.test('epoll is taken where it is to be had', { skip: noMount }, async (t) => {
  t.equal(await kindOf(await startServer(t)), 'epoll')
})

for (const [what, source] of Object.entries({
  'is gone': 'delete process.binding',
  'has no pipes':
    'const { binding } = process; process.binding = (name) => name === "pipe_wrap" ? {} : binding(name)',
  'is forbidden': 'process.binding = () => { throw new Error("no") }',
}))
  t.test(`where the internal binding ${what}, the documented way is`, { skip: noMount }, async (t) => {
    const server = await startServer(t, { env: preload(t, source) })
    t.equal(await kindOf(server), 'pool')
    t.match(await server.sh('ls $M'), { status: 0, stdout: 'self' })
    t.equal((await server.stop()).status, 0)
  })
