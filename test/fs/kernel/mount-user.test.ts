/** Mounting as a user who is not root, by way of fusermount3. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type MountSpace, makeMountSpace } from '../../mount-space.ts'
import { noMount, runShell, startServer, until } from '../../server.ts'

/** Starts a server as nobody; the directory is made by it. */
const startAsNobody = (t: Test, space: MountSpace, args: readonly string[] = []) =>
  startServer(t, {
    mount: join(space.home, 'c'),
    within: space.enterAsNobody,
    node: space.node,
    main: space.main,
    args,
    env: { HOME: space.home, TMPDIR: space.home },
  })

const isMountedIn = async (space: MountSpace, directory: string) => {
  const { stdout } = await runShell('cat /proc/self/mounts', { within: space.enter })
  return stdout.includes(` ${directory} fuse.circuit `)
}

t.test('a user mounts, uses and unmounts a tree of their own', { skip: noMount }, async (t) => {
  const space = await makeMountSpace(t)
  const server = await startAsNobody(t, space)
  t.equal((await server.sh('stat -c "%U %a" $M')).stdout, 'nobody 700\n')
  const anchor = await server.anchor('mkproc {"Path":"sh","Args":["-c","id -un; ls -l /proc/self/fd; env"]}')
  const { stdout } = await server.sh('cat $A/stdout $A/wait', { env: { A: anchor } })
  t.match(stdout, /^nobody\n.*\n0\n$/s, 'what it runs, it runs as this user')
  t.notMatch(
    stdout,
    /dev\/fuse|CIRCUIT_FUSE|CIRCUIT_STARTER/,
    'which knows nothing of how the tree was mounted',
  )
  t.match(
    await server.sh('ls $M', { within: space.enter }),
    { stderr: /Permission denied/ },
    'not even root sees it',
  )
  t.equal((await server.stop()).status, 0)
  t.notOk(await isMountedIn(space, server.mount))
})

t.test('--allow-group needs user_allow_other, and says so', { skip: noMount }, async (t) => {
  const space = await makeMountSpace(t)
  const refused = await runShell('"$N" "$MAIN" start --mount "$H/c" --allow-group games', {
    within: space.enterAsNobody,
    env: { N: space.node, MAIN: space.main, H: space.home },
  })
  t.equal(refused.status, 1)
  t.match(refused.stderr, /user_allow_other/)

  const open = await makeMountSpace(t, { fuseConf: 'user_allow_other\n' })
  const server = await startAsNobody(t, open, ['--allow-group', 'games'])
  const daemon = ['setpriv', '--reuid=daemon', '--regid=daemon']
  const member = [...open.enter, ...daemon, '--groups=games', '--']
  const outsider = [...open.enter, ...daemon, '--clear-groups', '--']
  t.match(await server.sh('ls $M', { within: member }), { status: 0, stdout: 'self' })
  t.match(await server.sh('ls $M', { within: outsider }), { stderr: /Permission denied/ })
})

t.test('a dead mount of the user is detached, a living one refused', { skip: noMount }, async (t) => {
  const space = await makeMountSpace(t)
  const first = await startAsNobody(t, space)
  const second = await runShell('"$N" "$MAIN" start --mount "$H/c"', {
    within: space.enterAsNobody,
    env: { N: space.node, MAIN: space.main, H: space.home },
  })
  t.match(second, { status: 1, stderr: /^circuit: something is mounted on .* already/ })
  const { stdout } = await first.sh('sed -n "s/.*\\"Pid\\": //p" $S/peek')
  process.kill(Number.parseInt(stdout, 10), 'SIGKILL')
  await until(() => first.child.exitCode !== null || first.child.signalCode !== null)
  t.match(await first.sh('ls $M'), { stderr: /not connected/ })
  const third = await startAsNobody(t, space)
  t.match(await third.sh('ls $M'), { status: 0, stdout: 'self' })
  t.equal((await third.stop()).status, 0)
  t.notOk(await isMountedIn(space, third.mount))
})

t.test('however the process that was started ends, its tree does', { skip: noMount }, async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const) {
    const space = await makeMountSpace(t)
    const server = await startAsNobody(t, space)
    server.child.kill(signal)
    await until(() => server.child.exitCode !== null || server.child.signalCode !== null)
    t.equal(server.child.exitCode, signal === 'SIGKILL' ? null : 0, signal)
    // Where Node can't give its place to another program, the server is a child that hears of it.
    await until(async () => !/"self"/.test((await server.sh('ls -Q $M')).stdout))
  }
})

t.test('without fusermount3 the advice is to be root', { skip: noMount }, async (t) => {
  const space = await makeMountSpace(t)
  const script = `mkdir $H/bin; for P in perl sh; do ln -s $(command -v $P) $H/bin/$P; done
    PATH=$H/bin exec "$N" "$MAIN" start --mount "$H/c"`
  const { status, stderr } = await runShell(script, {
    within: space.enterAsNobody,
    env: { N: space.node, MAIN: space.main, H: space.home },
  })
  t.equal(status, 1)
  t.match(stderr, /fusermount3.* package fuse3|only root can mount/)
})
