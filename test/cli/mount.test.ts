/** `circuit mount`: the tree of others, on a machine that is no server. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type BareServer, RUNTIME, startBareCircuit } from '../client/servers.ts'
import { makeMountSpace } from '../mount-space.ts'
import { isMounted, MAIN, noMount, runShell, until, workplace } from '../server.ts'

interface Mount extends Pick<ReturnType<typeof workplace>, 'sh'> {
  readonly directory: string
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  log(): string
}

async function mount(t: Test, server: BareServer): Promise<Mount> {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-test-'))
  const child = spawn(process.execPath, [MAIN, 'mount', '-d', server.url, directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
    await runShell('umount -l "$D" 2>/dev/null', { env: { D: directory } })
    rmdirSync(directory)
  })
  await until(() => said.includes('mounted on') || child.exitCode !== null)
  return { sh: workplace(directory, join(directory, server.id)).sh, directory, child, ended, log: () => said }
}

t.test('the tree works as on a server', { skip: noMount }, async (t) => {
  const [a, b] = await startBareCircuit(t, ['a', 'b'])
  const { sh, log, directory } = await mount(t, a)
  t.match(log(), `mounted on ${directory}, through the server ${a.id}`)
  t.equal(
    (await sh('ls $M | sort')).stdout,
    ['by-name', 'help', 'self', a.id, b.id].sort().join('\n').concat('\n'),
  )
  t.equal((await sh('readlink $M/self')).stdout, `${a.id}\n`, 'self is the server that was dialled')
  const worked = await sh(
    `for where in self by-name/b; do
  mkdir -p $M/$where/x/y && echo 'run tr a-z A-Z' > $M/$where/x/y/ctl && echo hello > $M/$where/x/y/stdin &&
  cat $M/$where/x/y/stdout $M/$where/x/y/wait && find $M/$where/x -type d | wc -l && rmdir $M/$where/x/y $M/$where/x || exit
  mkdir $M/$where/c && echo mkchan > $M/$where/c/ctl && { echo message > $M/$where/c/send & } &&
  cat $M/$where/c/recv && wait && echo close > $M/$where/c/ctl && rmdir $M/$where/c || exit
done`,
  )
  t.match(worked, { status: 0, stderr: '', stdout: 'HELLO\n0\n2\nmessage\nHELLO\n0\n2\nmessage\n' })
  const polled = await sh(
    `mkdir $S/p && echo 'mkchan 1' > $S/p/ctl && cd $S/p && exec python3 -c "
import os, select
fd = os.open('recv', os.O_RDONLY | os.O_NONBLOCK)
p = select.poll(); p.register(fd, select.POLLIN)
print(p.poll(100))
w = os.open('send', os.O_WRONLY | os.O_TRUNC); os.write(w, b'x'); os.close(w)
print(len(p.poll(5000)), os.read(fd, 9))"`,
  )
  t.match(polled, { status: 0, stdout: "[]\n1 b'x'\n" })
})

t.test('Ctrl-C and SIGTERM end it in order, also while somebody is blocked', { skip: noMount }, async (t) => {
  const [a] = await startBareCircuit(t, ['a'])
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { sh, child, ended, directory } = await mount(t, a)
    await sh(`mkdir $S/${signal} && echo mkchan > $S/${signal}/ctl`)
    const blocked = sh(`cat $S/${signal}/recv`)
    await sh('sleep 0.2')
    child.kill(signal)
    t.strictSame(await ended, [0, null])
    t.not((await blocked).status, 0)
    t.notOk(isMounted(directory))
  }
})

t.test(
  'when its server goes, calls fail at once, and work again with another',
  { skip: noMount },
  async (t) => {
    const [a] = await startBareCircuit(t, ['a'], ['-a', '127.0.0.1:0'])
    const { sh } = await mount(t, a)
    await sh('mkdir $S/c && echo mkchan > $S/c/ctl')
    const blocked = sh('LC_ALL=C cat $S/c/recv')
    await sh('sleep 0.2')
    await a.kill()
    t.match(await blocked, { status: 1, stderr: /Host is down/ })
    t.match(await sh('LC_ALL=C ls $M'), { status: 2, stderr: /Host is down/ })
  },
)

t.test('what is wrong is said, and nothing is mounted', { skip: noMount }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-test-'))
  t.teardown(() => rmdirSync(directory))
  const tried = await runShell('exec "$N" "$MAIN" mount -d circuit://127.0.0.1:1 "$D"', {
    env: { N: process.execPath, MAIN, D: directory },
  })
  t.match(tried, { status: 1, stderr: /^circuit: no server found within 3 s[^\n]*\n$/ })
  t.notOk(isMounted(directory))
})

t.test('a user who is not root mounts, too', { skip: noMount }, async (t) => {
  const space = await makeMountSpace(t)
  const tried = await runShell(
    `"$N" "$MAIN" start --no-mount > "$H/url" 2> "$H/log" & S=$!
until [ -s "$H/url" ]; do sleep 0.1; done
"$N" "$MAIN" mount "$H/c" 2> "$H/log2" & M=$!
until [ -d "$H/c/self/" ]; do sleep 0.1; done
"$N" "$MAIN" run -- id -un
mkdir "$H/c/self/x" && echo 'run id -un' > "$H/c/self/x/ctl" && cat "$H/c/self/x/stdout"
kill $M; wait $M; echo $?; ls "$H/c"; kill $S; wait $S; echo $?`,
    {
      within: space.enterAsNobody,
      env: {
        N: space.node,
        MAIN: space.main,
        H: space.home,
        HOME: space.home,
        TMPDIR: space.home,
        CIRCUIT_RUNTIME_DIR: `${space.home}/run`,
        XDG_RUNTIME_DIR: RUNTIME,
      },
    },
  )
  t.match(tried, { stdout: 'nobody\nnobody\n0\n0\n', stderr: '' })
})
