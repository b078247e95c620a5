/** `circuit mount`: mounts the tree on a machine that is no server. */
import { unmount } from '../fs/kernel/mount.ts'
import { runInBackground } from './background.ts'
import { CLIENT_OPTIONS, dial } from './client.ts'
import type { Command } from './command.ts'
import { mountTree, type Place, takePlace } from './mounting.ts'
import { type Parsed, parseOptions } from './options.ts'
import { onStopSignal } from './signals.ts'
import { checkWords } from './usage.ts'

const OPTIONS = {
  'allow-group': {
    type: 'string',
    value: 'GROUP',
    help: 'members of this group may use the mount as the owner may',
  },
  background: { type: 'boolean', help: 'return when it is mounted, and go on in the background' },
  ...CLIENT_OPTIONS,
} as const

const MOUNTED = 'circuit: mounted on '

export const mount: Command = {
  summary: 'mount the tree here, without running a server',
  options: OPTIONS,
  words: ['[DIR]'],
  details: `DIR is made if it is missing; by default it is /circuit for root, ~/circuit for others. self in the mount is the server
that is dialled. It dials out only. When its server goes, calls fail with "Host is down" until one is found again, in the
same way as the first. It serves the mount until that is unmounted, or SIGINT or SIGTERM end it in order: whoever is blocked in
the tree is answered, and it is unmounted.`,
  examples: {
    'the tree of a far circuit, here':
      'circuit mount -d circuit://10.0.0.1:11022/78517/Q56e7a2a0d47a7b5d -hmac key ~/circuit',
  },
  async run(args) {
    const { values, words } = parseOptions(args, OPTIONS)
    checkWords(words, mount.words)
    if (values.background)
      return runInBackground(['mount', ...args.filter((arg) => !/^--?background$/.test(arg))], MOUNTED)
    const place = await takePlace(words[0], values['allow-group'] !== undefined)
    return typeof place === 'number' ? place : serve(place, values)
  },
}

async function serve(place: Place, values: Parsed<typeof OPTIONS>): Promise<number> {
  process.stderr.on('error', () => {})
  const stopped = new Promise<'stop'>((resolve) => onStopSignal(() => resolve('stop')))
  const circuit = await dial(values).catch(async (error) => {
    // As another user than root we have been mounted before we run.
    if (place.fd !== undefined) await unmount(place.directory)
    throw error
  })
  const group = values['allow-group']
  const mounted = mountTree(circuit.namespace, place, { group, isOwn: () => false })
  console.error(`${MOUNTED}${place.directory}, through the server ${circuit.server}`)
  const why = await Promise.race([stopped, mounted.ended])
  if (why !== 'stop')
    console.error(
      `circuit: ${why ? `the mount can't be served: ${why.message}` : 'the tree was unmounted; stopping'}`,
    )
  await mounted.stop()
  await circuit.close()
  // Unmounting lazily may leave the kernel's side busy, and the reader with it: nothing is left to wait for.
  process.exit(why instanceof Error ? 1 : 0)
}
