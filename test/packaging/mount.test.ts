/** mount.circuit, run by mount(8), in a mount namespace where it is installed. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startBare } from '../client/servers.ts'
import { makeMountSpace } from '../mount-space.ts'
import { noMount, runShell } from '../server.ts'

const PACKAGING = fileURLToPath(new URL('../../../packaging/', import.meta.url))

t.test('mount -t circuit, from /etc/fstab and by hand', { skip: noMount }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-fstab-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const key = join(directory, 'key')
  writeFileSync(key, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 })
  const server = await startBare(t, 'far', ['-hmac', key])
  const address = /circuit:\/\/([^/]+)/.exec(server.url)?.[1] ?? ''

  const space = await makeMountSpace(t)
  chmodSync(directory, 0o755)
  const env = {
    H: space.home,
    P: PACKAGING,
    K: key,
    A: address,
    URL: server.url,
    NODE: space.node,
    MAIN: space.main,
  }
  const sh = (script: string) => runShell(script, { within: space.enter, env })
  const installed = await sh(`
    mkdir "$H/bin" "$H/sbin" "$H/work" "$H/c"
    printf '#!/bin/sh\\nexec "%s" "%s" "$@"\\n' "$NODE" "$MAIN" >"$H/bin/circuit" && chmod +x "$H/bin/circuit"
    mount -t overlay -o lowerdir=/usr/sbin,upperdir="$H/sbin",workdir="$H/work" none /usr/sbin
    mkdir -p "$H/d" && DESTDIR=$H/d CIRCUIT_PROGRAM=$H/bin/circuit "$P/install.sh" && cp -p "$H/d/sbin/mount.circuit" /usr/sbin/
    echo "$A $H/c circuit _netdev,nofail,hmac=$K 0 0" >"$H/fstab"`)
  t.equal(installed.status, 0, installed.stderr)

  const fromTable = await sh(
    'mount -T "$H/fstab" "$H/c" && ls "$H/c/by-name"; findmnt -no FSTYPE "$H/c"; umount "$H/c"',
  )
  t.match(fromTable, { status: 0, stdout: 'far\nfuse.circuit\n' }, 'mounted when mount returns')
  t.match(fromTable.stderr, 'mounted on')

  const byHand = await sh('mount -t circuit -o hmac="$K",insecure=no "$URL" "$H/c"; echo $?')
  t.match(byHand, { stdout: '1\n', stderr: 'there is no option insecure=no' })
  t.match(await sh('mount -t circuit -o ro "$URL" "$H/c"; echo $?'), { stdout: '1\n', stderr: 'read-only' })
  const lost = await sh('mount -t circuit -o hmac="$K" 127.0.0.1:9 "$H/c"; echo $?; ls "$H/c"')
  t.match(lost, { stdout: '32\n', stderr: '127.0.0.1:9' }, 'what is not there is not mounted')
  t.match(await sh('mount -t circuit none "$H/c" && ls "$H/c/by-name" && umount "$H/c"'), {
    status: 0,
    stdout: 'far\n',
  })
  t.match(await sh('mount -t circuit -o hmac="$K" "$URL" "$H/c" && ls "$H/c/by-name" && umount "$H/c"'), {
    status: 0,
    stdout: 'far\n',
  })
})
