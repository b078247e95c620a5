/** Mounting as root: who may use the tree, what is in the way, and what ends it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isMounted, MAIN, noMount, runShell, startServer, until } from '../../server.ts'

const NOBODY = ['setpriv', '--reuid=nobody', '--regid=nogroup']
const OUTSIDER = [...NOBODY, '--clear-groups', '--']
const MEMBER = [...NOBODY, '--groups=games', '--']

/** A directory that goes, with whatever is mounted in it, when the test ends. */
function makePlace(t: Test): string {
  const place = mkdtempSync(join(tmpdir(), 'circuit-place-'))
  t.teardown(async () => {
    await runShell('while read -r _ D _; do case $D in "$P"/*) umount -l "$D" ;; esac; done < /proc/mounts', {
      env: { P: place },
    })
    rmSync(place, { recursive: true })
  })
  return place
}

/** Runs `circuit start` that is to fail. */
const start = (mount: string) =>
  runShell('exec "$N" "$MAIN" start --mount "$D"', {
    env: { N: process.execPath, MAIN, D: mount },
  })

/** Mounts a filesystem whose server is gone. */
async function mountDead(directory: string, type = 'fuse.circuit'): Promise<void> {
  const script = 'exec 3<>/dev/fuse; mount -i -t "$T" -o fd=3,rootmode=40000,user_id=0,group_id=0 dead "$D"'
  const { status, stderr } = await runShell(script, { shell: 'bash', env: { D: directory, T: type } })
  if (status !== 0) throw new Error(stderr)
}

t.test('the tree is private to root', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  for (const command of ['ls $M', 'cat $M/help', 'stat $S', 'cat $S/ctl']) {
    const { status, stderr } = await server.sh(command, { within: OUTSIDER })
    t.not(status, 0, command)
    t.match(stderr, /Permission denied/, command)
  }
})

t.test('--allow-group lets the members of a group in, and nobody else', { skip: noMount }, async (t) => {
  const server = await startServer(t, { args: ['--allow-group', 'games'] })
  t.equal(
    (await server.sh('stat -c "%a %U %G" $M $S $S/ctl $S/log')).stdout,
    '770 root games\n770 root games\n660 root games\n440 root games\n',
  )
  const member = await server.sh(
    'mkdir $S/m && echo "run id -u" > $S/m/ctl && cat $S/m/stdout $S/m/wait && rmdir $S/m',
    { within: MEMBER },
  )
  t.same(member, { status: 0, stdout: '0\n0\n', stderr: '' })
  for (const command of ['ls $M/', 'cat $S/log', 'mkdir $S/x', 'echo "run id" > $S/ctl', 'cat $M/help']) {
    const { status, stderr } = await server.sh(command, { within: OUTSIDER })
    t.not(status, 0, command)
    t.match(stderr, /Permission denied/, command)
  }
  t.match(
    (await server.sh('cat $S/log')).stdout,
    /"who":\{"uid":65534,.*"op":"make"/,
    'the log says who it was',
  )
})

t.test('a group that is not there is told, and nothing mounted', { skip: noMount }, async (t) => {
  const place = makePlace(t)
  const { status, stderr } = await runShell('exec "$N" "$MAIN" start --mount "$D" --allow-group nosuch', {
    env: { N: process.execPath, MAIN, D: place },
  })
  t.same({ status, stderr }, { status: 1, stderr: 'circuit: there is no group nosuch on this host\n' })
  t.notOk(isMounted(place))
})

t.test('a mount point that is missing is made; links lead to one', { skip: noMount }, async (t) => {
  const place = makePlace(t)
  const odd = join(place, 'made', 'a b\tc\\d,e=ü')
  const server = await startServer(t, { mount: odd })
  t.match(await server.sh('ls "$M"'), { status: 0, stdout: 'self' })
  await server.stop()
  t.match(await runShell('ls -A "$D"', { env: { D: odd } }), { status: 0, stdout: '' }, 'unmounted')
  symlinkSync('made', join(place, 'link'))
  symlinkSync('link/new', join(place, 'link2'))
  const linked = await startServer(t, { mount: join(place, 'link2') })
  t.ok(isMounted(join(place, 'made', 'new')))
  await linked.stop()
})

t.test('what can be no mount point is refused in one sentence', { skip: noMount }, async (t) => {
  const place = makePlace(t)
  writeFileSync(join(place, 'file'), '')
  symlinkSync('loop', join(place, 'loop'))
  symlinkSync('file', join(place, 'link'))
  mkdirSync(join(place, 'full/clone'), { recursive: true })
  const refused = {
    full: 'it is not empty, and what is in it would be hidden',
    file: 'it is not a directory',
    'file/below': 'it is not a directory, or below what is none',
    link: 'it is not a directory',
    loop: 'too many symbolic links',
  }
  for (const [name, reason] of Object.entries(refused)) {
    const { status, stderr } = await start(join(place, name))
    t.equal(status, 1, name)
    t.match(stderr, `circuit: can't mount on ${join(place, name)}: ${reason}`)
    t.equal(stderr.split('\n').length, 2, 'one line')
  }
})

t.test('dead mounts in the way are detached, also one upon the other', { skip: noMount }, async (t) => {
  const place = makePlace(t)
  const mount = join(place, 'm')
  mkdirSync(mount)
  await mountDead(mount)
  await mountDead(mount)
  t.match(await runShell('ls "$D"', { env: { D: mount } }), { stderr: 'not connected' })
  const server = await startServer(t, { mount })
  t.match(await server.sh('ls $M'), { status: 0, stdout: 'self' })
  t.equal((await server.stop()).status, 0)
  t.notOk(isMounted(mount), 'nothing is left below it')
})

t.test('a dead mount that is not ours stays', { skip: noMount }, async (t) => {
  const mount = join(makePlace(t), 'm')
  mkdirSync(mount)
  await mountDead(mount, 'fuse.other')
  const { status, stderr } = await start(mount)
  t.equal(status, 1)
  t.match(stderr, /^circuit: the mount on .*\/m is dead, but not ours; unmount it: umount -l .*\/m\n$/)
  t.ok(isMounted(mount))
})

t.test('a living mount in the way is refused', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const { status, stderr } = await start(server.mount)
  t.equal(status, 1)
  t.equal(
    stderr,
    `circuit: something is mounted on ${server.mount} already; unmount it, or take another directory\n`,
  )
  t.match(await server.sh('ls $M'), { status: 0, stdout: 'self' }, 'and goes on')
})

t.test('one that lives, but hangs, does not take the newcomer with it', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  server.child.kill('SIGSTOP')
  t.teardown(() => server.child.kill('SIGCONT'))
  t.match(await start(server.mount), { status: 1, stderr: 'something is mounted' })
  server.child.kill('SIGCONT')
})

t.test('unmounted by somebody else, the server ends with a sentence', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  const path = await server.anchor('run sleep 1000')
  const pid = Number(
    (await server.sh('sed -n "s/.*Pid.: //p" $A/peek', { env: { A: path } })).stdout.replace(',', ''),
  )
  await runShell('umount "$M"', { env: { M: server.mount } })
  await until(() => server.child.exitCode !== null)
  t.equal(server.child.exitCode, 0)
  t.match(server.log(), /circuit: the tree was unmounted; stopping\ncircuit: stopped\n$/)
  await until(() => !existsSync(`/proc/${pid}`))
})

t.test(
  'detached by somebody else while it is used, it serves who is left, and stops',
  { skip: noMount },
  async (t) => {
    const server = await startServer(t)
    const path = await server.anchor('mkchan')
    const reader = server.sh('exec 3<$A/recv; echo opened >&2; umount -l $M; cat <&3; echo status $?', {
      env: { A: path },
    })
    await until(() => !isMounted(server.mount))
    const { status, stderr } = await server.stop()
    t.equal(status, 0)
    t.match(stderr, /circuit: can't unmount: .*\ncircuit: stopped\n$/)
    t.match(await reader, {
      stdout: 'status 1\n',
      stderr: /Interrupted system call|connection abort|not connected/,
    })
  },
)
