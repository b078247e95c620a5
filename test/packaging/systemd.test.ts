/** The unit of packaging/, under a systemd of the test's own: one for a user, which needs no machine that was booted with it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { MAIN, noMount, type Outcome, runShell, until } from '../server.ts'

const PACKAGING = fileURLToPath(new URL('../../../packaging/', import.meta.url))

/** Where it keeps its processes apart, in the tree of all cgroups, and what it takes its files for. */
const BOOT = `
  mount -t tmpfs none /run/systemd && mkdir /run/systemd/system
  mount -t cgroup2 none /sys/fs/cgroup
  mkdir /sys/fs/cgroup/$G && echo $$ >/sys/fs/cgroup/$G/cgroup.procs
  exec unshare -C /lib/systemd/systemd --user --unit=basic.target`

const CLEAR_CGROUPS = `
  mount -t cgroup2 none "$H/c" && cd "$H/c"
  find $G -depth -type d -exec rmdir {} + ; cd / && umount "$H/c"`

interface Manager {
  /** Runs a script among its files; $C is the mount of the unit. */
  sh(script: string): Promise<Outcome>
  /** The value of a property of the unit. */
  show(property: string): Promise<string>
}

/** Starts a systemd, with the unit, which mounts on $C. Its options are read from a file as /etc/default/circuit is. */
async function startSystemd(t: Test): Promise<Manager> {
  const home = mkdtempSync(join(tmpdir(), 'circuit-sd-'))
  const env = {
    H: home,
    G: `circuit-${process.pid}`,
    C: join(home, 'c'),
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_RUNTIME_DIR: join(home, 'run'),
  }
  mkdirSync(env.C)
  mkdirSync(env.XDG_RUNTIME_DIR, { mode: 0o700 })
  const units = join(env.XDG_CONFIG_HOME, 'systemd/user')
  mkdirSync(units, { recursive: true })
  writeFileSync(join(home, 'default'), `CIRCUIT_OPTIONS="--mount ${env.C} -name unit"\n`)
  const unit = readFileSync(`${PACKAGING}circuit.service`, 'utf8')
    .replace('/etc/default/circuit', join(home, 'default'))
    .replace('/usr/local/bin/circuit', `${process.execPath} ${MAIN}`)
    // Only a machine's own systemd knows the network.
    .replaceAll(/^(Wants|After)=.*\n/gm, '')
  writeFileSync(join(units, 'circuit.service'), unit)
  const keeper = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-ec', BOOT], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = once(keeper, 'close')
  const sh = (script: string): Promise<Outcome> =>
    runShell(script, { within: ['nsenter', '-t', String(keeper.pid), '-m', '-C', '--'], env })
  t.teardown(async () => {
    keeper.kill('SIGTERM') // it stops its units, and ends
    await ended
    await runShell(CLEAR_CGROUPS, { within: ['unshare', '-m', '--propagation', 'private', '--'], env })
    rmSync(home, { recursive: true })
  })
  await until(async () => (await sh('systemctl --user is-system-running')).stdout === 'running\n')
  return {
    sh,
    show: async (property) => (await sh(`systemctl --user show -P ${property} circuit`)).stdout.trim(),
  }
}

/** Makes processes in the unit's server, and gives their ids: an ordinary one, and a detached one. */
async function makeProcesses({ sh }: Manager): Promise<[ordinary: string, detached: string]> {
  const { stdout } = await sh(`
    mkdir $C/self/a $C/self/b
    echo 'run sleep 1000' >$C/self/a/ctl
    echo 'mkproc {"Path":"sleep","Args":["1000"],"Detach":true,"Stdout":"discard","Stderr":"discard"}' >$C/self/b/ctl
    sed -n 's/.*"Pid": \\([0-9]*\\).*/\\1/p' $C/self/a/peek $C/self/b/peek`)
  const [ordinary = '', detached = ''] = stdout.split('\n')
  return [ordinary, detached]
}

const runs = async (pid: string): Promise<boolean> => (await runShell(`kill -0 ${pid}`)).status === 0

t.test('the unit', { skip: noMount }, async (t) => {
  const manager = await startSystemd(t)
  const { sh, show } = manager

  t.same(await sh('systemctl --user start circuit && ls $C/by-name'), {
    status: 0,
    stdout: 'unit\n',
    stderr: '',
  })
  t.match(await show('StatusText'), /^server X[0-9a-f]{16} \(unit\), mounted on /)
  const first = await show('MainPID')
  const [ordinary, detached] = await makeProcesses(manager)
  t.teardown(() => process.kill(Number(detached)))
  t.equal(
    (await sh(`tr '\\0' '\\n' </proc/${ordinary}/environ | grep NOTIFY`)).stdout,
    '',
    'none may speak for it',
  )

  process.kill(Number(first), 'SIGKILL')
  await until(async () => (await show('ActiveState')) === 'active' && (await show('MainPID')) !== first)
  t.match(await sh('ls $C/by-name'), { stdout: 'unit\n' }, 'killed, it starts again')
  await until(async () => !(await runs(ordinary)))
  t.ok(await runs(detached), 'a detached process has outlived the server')

  const [another, alsoDetached] = await makeProcesses(manager)
  t.teardown(() => process.kill(Number(alsoDetached)))
  t.match(
    await sh('systemctl --user stop circuit; mount'),
    { stdout: /^(?!.*circuit-sd)/s },
    'stopped, it unmounts',
  )
  t.same([await show('ActiveState'), await show('Result')], ['inactive', 'success'])
  await until(async () => !(await runs(another)))
  t.ok(await runs(alsoDetached), 'a detached process goes on')
})

t.test('systemd finds nothing to say of the unit', { skip: noMount }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'circuit-unit-'))
  t.teardown(() => rmSync(home, { recursive: true }))
  const unit = join(home, 'etc/systemd/system/circuit.service')
  mkdirSync(join(home, 'etc'))
  writeFileSync(join(home, 'etc/updatedb.conf'), 'PRUNEFS="NFS nfs"\n')
  const install = await runShell(`DESTDIR=${home} CIRCUIT_PROGRAM=/bin/true ${PACKAGING}install.sh`)
  t.match(install, { status: 0, stderr: 'systemctl enable --now circuit' })
  t.same(await runShell(`systemd-analyze verify --man=no ${unit}`), { status: 0, stdout: '', stderr: '' })
  t.equal(readFileSync(join(home, 'etc/updatedb.conf'), 'utf8'), 'PRUNEFS="NFS nfs fuse.circuit"\n')
  const users = await runShell(`systemd-sysusers --dry-run ${home}/etc/sysusers.d/circuit.conf`)
  t.match(users, { status: 0, stderr: /group '?circuit/ })
  writeFileSync(join(home, 'etc/default/circuit'), 'mine\n')
  await runShell(`DESTDIR=${home} CIRCUIT_PROGRAM=/bin/true ${PACKAGING}install.sh`)
  t.equal(readFileSync(join(home, 'etc/default/circuit'), 'utf8'), 'mine\n', 'what was edited is kept')
  const left = await runShell(
    `DESTDIR=${home} ${PACKAGING}install.sh --remove; cd ${home} && find etc sbin -type f`,
  )
  t.equal(left.stdout, 'etc/updatedb.conf\netc/default/circuit\n')
})
