/** `circuit start`: runs a server in the foreground and mounts the tree. */
import { resolve } from 'node:path'
import { LAN, WAN } from '../node/cluster/timing.ts'
import { interfacesOf } from '../node/discovery/interfaces.ts'
import { announce } from '../node/runtime.ts'
import { Server } from '../node/server.ts'
import type { Command } from './command.ts'
import { mountTree, type Place, takePlace } from './mounting.ts'
import { DISCOVERY_OPTIONS, findAddress, findDiscovery, findKeys, KEY_OPTIONS } from './network.ts'
import { type Parsed, parseOptions, UsageError } from './options.ts'
import { takeServiceManager } from './service-manager.ts'
import { onStopSignal } from './signals.ts'

const OPTIONS = {
  mount: {
    type: 'string',
    value: 'DIR',
    help: 'where to mount the tree (default /circuit for root, ~/circuit for others; made if missing)',
  },
  'no-mount': { type: 'boolean', help: 'mount nothing' },
  name: {
    type: 'string',
    value: 'NAME',
    help: "the server's name below by-name/ (default: the host's name)",
  },
  addr: {
    type: 'string',
    short: 'a',
    value: 'ADDR[:PORT]',
    help: 'the address to listen on (default: loopback, any port)',
  },
  if: { type: 'string', value: 'IFACE', help: 'the interface to listen on' },
  join: {
    type: 'string',
    short: 'j',
    multiple: true,
    value: 'URL',
    help: 'join the circuit of the server at this URL',
  },
  var: {
    type: 'string',
    value: 'DIR',
    help: 'keep the addresses of the circuit in this directory, and join it again when this server starts again',
  },
  ...DISCOVERY_OPTIONS,
  docker: {
    type: 'boolean',
    help: 'containers may be made here, by the Docker engine at DOCKER_HOST or /var/run/docker.sock',
  },
  wan: {
    type: 'boolean',
    help: 'the servers are far apart: wait longer before one counts as failed (on all servers)',
  },
  ...KEY_OPTIONS,
  'allow-group': {
    type: 'string',
    value: 'GROUP',
    help: 'members of this group may use the mount as the owner may: run programs as this user, that is',
  },
} as const

export const start: Command = {
  summary: 'run a server here, in the foreground, and mount the tree',
  options: OPTIONS,
  words: [],
  details: `It stops in order at SIGINT or SIGTERM: whoever is blocked in the tree is answered, the tree is unmounted, and the
processes that it runs (but those made with "Detach": true) get TERM and, after 5 s, KILL.`,
  examples: {
    'the first server': 'circuit start -a 10.0.0.1:11022 -hmac key',
    'another, which joins it by the URL that it printed':
      'circuit start -a 10.0.0.2:11088 -hmac key -j circuit://10.0.0.1:11022/78517/Q56e7a2a0d47a7b5d',
    'the same command on every host, in any order':
      'circuit start -if eth0 -hmac key -discover 228.8.8.8:7711',
    'just to try it, on this host': 'circuit start --mount ~/circuit',
  },
  async run(args) {
    const { values, words } = parseOptions(args, OPTIONS)
    if (words.length > 0) throw new UsageError(`start takes no argument: ${words[0]}`)
    if (values['no-mount'] && values.mount !== undefined)
      throw new UsageError('--mount and --no-mount contradict each other')
    checkName(values.name)
    if (values['no-mount']) return run(values)
    const place = await takePlace(values.mount, values['allow-group'] !== undefined)
    return typeof place === 'number' ? place : run(values, place)
  },
}

function checkName(name: string | undefined): void {
  if (name !== undefined && !/^[^/\0]{1,255}$/.test(name))
    throw new UsageError(`a server's name has no slash and 1 to 255 characters: ${JSON.stringify(name)}`)
}

async function run(values: Parsed<typeof OPTIONS>, place?: Place): Promise<number> {
  const manager = takeServiceManager(say)
  // Programs that are run here find the tree by it.
  if (place) process.env.CIRCUIT_MOUNT = place.directory
  else delete process.env.CIRCUIT_MOUNT
  // A server outlives the terminal or the pipe that its messages go to.
  process.stderr.on('error', () => {})
  // A bug of ours must not take with it what others run here.
  process.on('uncaughtException', (error) => console.error('circuit: internal error:', error))
  let stop: () => void = () => {}
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  // Before there is a mount that could be left behind.
  onStopSignal(stop)
  const { keys, given } = findKeys(values)
  const address = findAddress(values.addr, values.if, given)
  const group = findDiscovery(values)
  const named = values.name !== undefined && { name: values.name }
  const timing = values.wan ? WAN : LAN
  const { docker = false } = values
  const server = new Server({ onStop: stop, keys, timing, docker, onNews: say, ...named })
  const mounted =
    place &&
    mountTree(server.circuit, place, {
      group: values['allow-group'],
      // Who is in the root, too: the mount is told of servers that come and go.
      isOwn: (path) => isInRoot(path) || path.startsWith(`/${server.id}/`),
    })
  if (mounted) {
    server.addMetrics(() => mounted.metrics())
    server.onForeignChange((path) => mounted.forget(path))
    server.onServerChange((id) => mounted.forgetServer(id))
  }
  try {
    await server.listen(address.host, address.port)
    for (const url of values.join ?? []) await server.join(url)
    if (values.var !== undefined) server.remember(values.var)
    if (docker) void server.findContainers()
    const { mdns = false } = values
    if (group || mdns) await server.discover({ group, mdns, interfaces: interfacesOf(address.host) })
  } catch (error) {
    await mounted?.stop()
    server.close()
    throw error
  }
  const [keyFile = process.env.CIRCUIT_HMAC] = values.hmac ?? []
  const withdraw = announce(server.id, server.url, keyFile && resolve(keyFile))
  console.log(server.url)
  const what = `server ${server.id} (${server.name})${place ? `, mounted on ${place.directory}` : ''}`
  say(what)
  manager.ready(what)
  if (place) say(firstSteps(place.directory))
  const why = await Promise.race([
    stopped.then(() => 'stop' as const),
    ...(mounted ? [mounted.ended] : [idle()]),
  ])
  if (why !== 'stop')
    say(why ? `the mount can't be served: ${why.message}` : 'the tree was unmounted; stopping')
  withdraw()
  const unmounted = mounted?.stop().catch((error: Error) => say(`can't unmount: ${error.message}`))
  await Promise.all([unmounted, server.leave()])
  server.close()
  say('stopped')
  // Unmounting lazily may leave the kernel's side busy, and the reader with it: nothing is left to wait for.
  process.exit(why instanceof Error ? 1 : 0)
}

/** Not the root itself: what the kernel remembers of that would make a dead mount seem alive. */
const isInRoot = (path: string): boolean => path !== '/' && path.lastIndexOf('/') === 0

/** A server without a mount has nothing else that would keep the event loop alive. */
function idle(): Promise<never> {
  setInterval(() => {}, 2 ** 31 - 1)
  return new Promise(() => {})
}

/** Three lines to try. */
const firstSteps = (directory: string): string => `try, in another shell:
  cat ${directory}/help
  mkdir ${directory}/self/hi && echo 'run echo hello, world' > ${directory}/self/hi/ctl
  cat ${directory}/self/hi/stdout; cat ${directory}/self/hi/wait; rmdir ${directory}/self/hi`

const say = (text: string): void => console.error(`circuit: ${text}`)
