/** The commands that write one to the ctl of an anchor: signal close scrub set unset join leave suicide. */
import type { Circuit } from '../client/circuit.ts'
import { asCircuitError } from '../proto/errors.ts'
import { commandLine } from '../proto/quote.ts'
import { clientCommand } from './client.ts'
import type { Command } from './command.ts'

export const signal = clientCommand({
  summary: 'send a signal to a process: TERM, SIGTERM, term or 15',
  words: ['SIGNAL', 'PATH'],
  examples: { 'end a process at once': 'circuit signal KILL /X88550014d4c82e4d/pippi' },
  run(circuit, words) {
    // No name has a slash: whichever comes first, it is clear what is meant.
    const [name = '', path = ''] = words[0]?.includes('/') ? [words[1], words[0]] : words
    return circuit.command(path, commandLine('signal', name))
  },
})

export const close = clientCommand({
  summary: 'close a channel: no more sends, what waits is still delivered; or the input of a process',
  words: ['PATH', '[stdin]'],
  examples: {
    'receivers get what was sent, then an error': 'circuit close /X88550014d4c82e4d/this/is/charlie',
    'the process reads the end of its input': 'circuit close /X88550014d4c82e4d/pippi stdin',
  },
  run: (circuit, [path = '', ...what]) => circuit.command(path, commandLine('close', ...what)),
})

export const scrub = clientCommand({
  summary: 'take elements off their anchors, and remove these where nothing is below them',
  words: ['PATH…'],
  details: `A process lives on, its output discarded; who is blocked on the element is told so. An anchor without an element is just
removed.`,
  examples: {
    'a process, or what is left of it': 'circuit scrub /X88550014d4c82e4d/pippi',
    'all below an anchor': 'circuit ls --depth /by-name/web1/jobs/... | xargs circuit scrub',
  },
  async run(circuit, paths) {
    for (const path of paths) await scrubAnchor(circuit, path)
  },
})

async function scrubAnchor(circuit: Circuit, path: string): Promise<void> {
  const scrubbed = await circuit.command(path, 'scrub').then(
    () => true,
    async (error) => {
      // There may be an anchor, but no element.
      if (asCircuitError(error).code === 'ENOENT' && (await circuit.stat(path))) return false
      throw error
    },
  )
  try {
    await circuit.remove(path)
  } catch (error) {
    const { code } = asCircuitError(error)
    if (!(scrubbed && (code === 'ENOTEMPTY' || code === 'ENOENT'))) throw error
  }
}

export const set = clientCommand({
  summary: 'add a record to a nameserver, in the form of zone files, in one word or in several',
  words: ['PATH', 'RECORD…'],
  examples: {
    'who takes the mail of miek.nl':
      'circuit set /X88550014d4c82e4d/mydns "miek.nl. 3600 IN MX 10 mx.miek.nl."',
  },
  run: (circuit, [path = '', ...record]) => circuit.command(path, commandLine('set', ...record)),
})

export const unset = clientCommand({
  summary: 'take away all records of a name from a nameserver',
  words: ['PATH', 'NAME'],
  examples: { 'miek.nl is not known any more': 'circuit unset /X88550014d4c82e4d/mydns miek.nl.' },
  run: (circuit, [path = '', name = '']) => circuit.command(path, commandLine('unset', name)),
})

export const join = clientCommand({
  summary: "make a server's circuit and that of the server at URL one",
  words: ['PATH', 'URL'],
  details: 'URL is what circuit start printed there.',
  examples: {
    'two circuits become one':
      'circuit join /X88550014d4c82e4d circuit://10.0.0.2:11088/78517/Q56e7a2a0d47a7b5d',
  },
  run: (circuit, [path = '', url = '']) => circuit.command(path, commandLine('join', url)),
})

const ending = (verb: string, summary: string): Command =>
  clientCommand({
    summary,
    words: ['PATH'],
    examples: { 'stop a server': `circuit ${verb} /X88550014d4c82e4d` },
    run: (circuit, [path = '']) => circuit.command(path, verb),
  })

export const leave: Command = ending('leave', 'stop a server in order: its processes end')
export const suicide: Command = ending('suicide', 'the old name of leave')
