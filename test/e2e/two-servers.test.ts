/** Two servers as one tree: joining, keys, and what happens when one is lost. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { noMount, runShell, startServer, until } from '../server.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const circuit = (words: string, env = {}) => runShell(`exec ${process.execPath} ${MAIN} ${words}`, { env })

t.test('servers that join list each other, whoever joined whom', { skip: noMount }, async (t) => {
  const first = await startServer(t, { args: ['--name', 'first'] })
  const second = await startServer(t, { args: ['--name', 'second', '-j', first.url] })
  const third = await startServer(t, { args: ['--name', 'third', '-j', second.url] })
  for (const { mount } of [first, second, third])
    await until(async () => (await runShell(`ls ${mount}/by-name`)).stdout === 'first\nsecond\nthird\n')
  const { stdout } = await third.sh('mkdir $M/by-name/first/a && ls -d $M/*/a')
  t.equal(stdout, `${third.mount}/${first.id}/a\n${third.mount}/self/a\n`.replace(/^.*self.*\n/m, ''))
  t.match(await first.sh('rmdir $S/a; ls $S'), {
    stderr: '',
    stdout: /^ctl\nerror\nevents\nhelp\nlog\nmetrics\npeek\n$/,
  })
})

t.test('the URL alone is on standard output', { skip: noMount }, async (t) => {
  const server = await startServer(t)
  t.match(server.url, /^circuit:\/\/127\.0\.0\.1:\d+\/\d+\/Q[0-9a-f]{16}$/)
  t.match(await server.sh('cat $S/peek'), { stdout: `"Addr": "${server.url}"` })
})

t.test('a circuit with a key: who has another one does not get in', { skip: noMount }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-keys-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const [good, bad] = [join(directory, 'good'), join(directory, 'bad')]
  for (const file of [good, bad]) await runShell(`umask 077; ${process.execPath} ${MAIN} keygen > ${file}`)
  const first = await startServer(t, { args: ['-hmac', good] })
  const joined = await startServer(t, { args: ['--name', 'other', '-hmac', good, '-j', first.url] })
  t.match(await joined.sh('ls $M/by-name'), { stdout: 'other\nweb1\n' })
  t.match(await circuit(`start --no-mount -hmac ${bad} -j ${first.url}`), { status: 1, stderr: /key/ })
  await runShell(`chmod 644 ${bad}`)
  t.match(await circuit(`start --no-mount -hmac ${bad}`), { status: 1, stderr: /others may read/ })
})

t.test('without a key no address but loopback is bound', async (t) => {
  t.match(await circuit('start --no-mount -a 0.0.0.0:0'), { status: 2, stderr: /without a key/ })
})

t.test('joining nobody is an error in words', async (t) => {
  const env = { CIRCUIT_RUNTIME_DIR: mkdtempSync(join(tmpdir(), 'circuit-run-')) }
  t.teardown(() => rmSync(env.CIRCUIT_RUNTIME_DIR, { recursive: true }))
  const { status, stderr } = await circuit(
    'start --no-mount -j circuit://127.0.0.1:1/1/Q0000000000000000',
    env,
  )
  t.equal(status, 1)
  t.match(stderr, /can't reach 127\.0\.0\.1:1/)
})

t.test('whoever is blocked on a server that is killed gets "Host is down"', { skip: noMount }, async (t) => {
  const near = await startServer(t, { args: ['--name', 'near'] })
  const far = await startServer(t, { args: ['--name', 'far', '-j', near.url] })
  const F = join(near.mount, far.id)
  await near.sh(
    `mkdir ${F}/c ${F}/d ${F}/p; echo mkchan > ${F}/c/ctl; echo mkchan > ${F}/d/ctl; echo 'run sleep 600' > ${F}/p/ctl`,
  )
  const commands = [
    `cat ${F}/c/recv`,
    `cat ${F}/p/wait`,
    `cat ${F}/p/stdout`,
    `dd if=/dev/zero of=${F}/p/stdin bs=1M count=1`,
    `dd if=/dev/zero of=${F}/d/send count=1`,
  ]
  const blocked = commands.map((command) =>
    spawn('sh', ['-c', `LC_ALL=C exec ${command}`], { stdio: ['ignore', 'ignore', 'pipe'] }),
  )
  const endings = blocked.map(async (child) => {
    let said = ''
    child.stderr.on('data', (bytes) => {
      said += bytes
    })
    await once(child, 'close')
    return said
  })
  await until(async () => /waiting 5$/m.test((await near.sh('cat $S/metrics')).stdout))
  await far.kill()
  for (const said of await Promise.all(endings)) t.match(said, /Host is down/)
  await until(async () => (await near.sh('ls $M/by-name')).stdout === 'near\n')
  t.match(await near.sh('ls $M'), { status: 0, stderr: '' })
})

t.test('a message in the hand of a receiver whose server is killed returns', { skip: noMount }, async (t) => {
  const home = await startServer(t, { args: ['--name', 'home'] })
  const away = await startServer(t, { args: ['--name', 'away', '-j', home.url] })
  const channel = await home.anchor('mkchan 1')
  const script = `
import os, sys
fd = os.open('${join(away.mount, home.id, channel.split('/').at(-1) ?? '')}/recv', os.O_RDONLY)
print(os.read(fd, 100), flush=True)
sys.stdin.read()`
  const receiver = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] })
  await home.sh(`echo precious > ${channel}/send`)
  const [seen] = await once(receiver.stdout, 'data')
  t.match(String(seen), 'precious')
  await away.kill()
  t.match(await home.sh(`timeout 10 cat ${channel}/recv`), { status: 0, stdout: 'precious\n' })
  receiver.stdin.end()
  await once(receiver, 'close')
})
