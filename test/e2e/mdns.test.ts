/** Servers that find each other by multicast DNS, and what Avahi sees of them. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Host, network } from '../network.ts'
import { noMount, until } from '../server.ts'

const noAvahi = noMount || (existsSync('/usr/sbin/avahi-daemon') ? false : 'needs avahi-daemon')

const BUS = `<busconfig><type>system</type><auth>EXTERNAL</auth><listen>unix:path=BUS</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="*"/><allow receive_type="*"/>
<allow send_destination="*"/></policy></busconfig>`
const AVAHI = `[server]
use-ipv6=no
allow-interfaces=eth0
disallow-other-stacks=no
[publish]
publish-workstation=no
`
/** An Avahi of its own: it looks for our service until it is there, and then until it is gone. */
const BROWSE = `
mount -t tmpfs none /run
dbus-daemon --config-file="$D/bus.conf" --nofork --nopidfile & bus=$!
trap 'kill $bus $avahi; wait' EXIT
export DBUS_SYSTEM_BUS_ADDRESS="unix:path=$D/bus"
until [ -S "$D/bus" ]; do sleep 0.1; done
avahi-daemon -f "$D/avahi.conf" --no-drop-root --no-chroot --no-rlimits --no-proc-title > "$D/avahi.log" 2>&1 & avahi=$!
browse() { timeout 5 avahi-browse -ptr _circuit._tcp 2> /dev/null | grep "^=;.*$ID" > "$D/seen"; }
until browse; do sleep 0.2; done
touch "$D/found"
until [ -e "$D/stopped" ]; do sleep 0.1; done
while browse; do sleep 0.2; done`

t.test('servers find each other by mDNS; Avahi sees one come and go', { skip: noAvahi }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-avahi-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'bus.conf'), BUS.replace('BUS', join(directory, 'bus')))
  writeFileSync(join(directory, 'avahi.conf'), AVAHI)

  const { hosts, settled } = await network(t, 3, { servers: false, args: ['--mdns'] })
  const [first, second, observer] = hosts as [Host, Host, Host]
  await Promise.all([first.start(), second.start()])
  await settled()

  const browsing = observer.run('exec unshare -m sh -c "$B"', {
    env: { B: BROWSE, D: directory, ID: first.id },
    limit: 60_000,
  })
  await until(() => existsSync(join(directory, 'found')), 40_000)
  await first.server.stop()
  writeFileSync(join(directory, 'stopped'), '')
  t.match(await browsing, { status: 0 })
})
