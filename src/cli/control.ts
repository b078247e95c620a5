/** The commands that write one to the ctl of an anchor: signal close scrub set unset join leave suicide. */
import type { Circuit } from '../client/circuit.ts'
import { asCircuitError } from '../proto/errors.ts'
import { commandLine } from '../proto/quote.ts'
import { clientCommand } from './client.ts'
import type { Command } from './command.ts'

export const signal = clientCommand({
  usage: 'circuit signal NAME PATH',
  summary: 'send a signal to a process: TERM, SIGTERM, term or 15',
  words: [2, 2],
  details: '  circuit signal KILL /X88550014d4c82e4d/pippi',
  run: (circuit, [name = '', path = '']) => circuit.command(path, commandLine('signal', name)),
})

export const close = clientCommand({
  usage: 'circuit close PATH [stdin]',
  summary: 'close a channel: no more sends, what waits is still delivered; or the input of a process',
  words: [1, 2],
  run: (circuit, [path = '', ...what]) => circuit.command(path, commandLine('close', ...what)),
})

export const scrub = clientCommand({
  usage: 'circuit scrub PATH…',
  summary: 'take elements off their anchors, and remove these where nothing is below them',
  words: [1, Number.POSITIVE_INFINITY],
  details: `A process lives on, its output discarded; who is blocked on the element is told so. An anchor without an element is just
removed.`,
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
  usage: 'circuit set PATH RECORD',
  summary: 'add a record to a nameserver, in the form of zone files, in one word or in several',
  words: [2, Number.POSITIVE_INFINITY],
  details: '  circuit set /X88550014d4c82e4d/mydns "miek.nl. 3600 IN MX 10 mx.miek.nl."',
  run: (circuit, [path = '', ...record]) => circuit.command(path, commandLine('set', ...record)),
})

export const unset = clientCommand({
  usage: 'circuit unset PATH NAME',
  summary: 'take away all records of a name from a nameserver',
  words: [2, 2],
  details: '  circuit unset /X88550014d4c82e4d/mydns miek.nl.',
  run: (circuit, [path = '', name = '']) => circuit.command(path, commandLine('unset', name)),
})

export const join = clientCommand({
  usage: 'circuit join PATH URL',
  summary: "make a server's circuit and that of the server at URL one",
  words: [2, 2],
  details: '  circuit join /X88550014d4c82e4d circuit://10.0.0.2:11088/78517/Q56e7a2a0d47a7b5d',
  run: (circuit, [path = '', url = '']) => circuit.command(path, commandLine('join', url)),
})

const ending = (verb: string, summary: string): Command =>
  clientCommand({
    usage: `circuit ${verb} PATH`,
    summary,
    words: [1, 1],
    details: `  circuit ${verb} /X88550014d4c82e4d`,
    run: (circuit, [path = '']) => circuit.command(path, verb),
  })

export const leave: Command = ending('leave', 'stop a server in order: its processes end')
export const suicide: Command = ending('suicide', 'the old name of leave')
