/** `circuit members`: for operators, how each server is, and how far. */
import type { Circuit, ServerEntry } from '../client/circuit.ts'
import { asCircuitError } from '../proto/errors.ts'
import { clientCommand } from './client.ts'
import { writeOut } from './stdio.ts'

/** How long a server may take to answer, in ms; one that is cut off is known as lost sooner or later. */
const ANSWER_MS = 3000

const HEAD = ['NAME', 'SERVER', 'ADDRESS', 'SINCE', 'STATE', 'INCARNATION', 'HEALTH', 'RTT']

export const members = clientCommand({
  usage: 'circuit members',
  summary: 'the servers, how they are, and how far',
  words: [0, 0],
  details: `STATE is that of the membership, or why a server does not answer. INCARNATION says how often the server was taken for failed and
said that it is not; HEALTH how badly it hears the others: 0 is well, 8 is worst. RTT is a call's time to it and back, by way of the server that is dialled.`,
  async run(circuit) {
    const rows = await Promise.all((await circuit.servers()).map((server) => row(circuit, server)))
    rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
    await writeOut(table([HEAD, ...rows]))
    return rows.every(([, , address]) => address) ? 0 : 1
  },
})

async function row(circuit: Circuit, { name, id, path }: ServerEntry): Promise<string[]> {
  const signal = AbortSignal.timeout(ANSWER_MS)
  try {
    // The first call may have to make the connection to it.
    await circuit.readText(`${path}/peek`, { signal })
    const start = performance.now()
    const peek: Record<string, unknown> = JSON.parse(await circuit.readText(`${path}/peek`, { signal }))
    const took = performance.now() - start
    const address = /^circuit:\/\/([^/]+)/.exec(String(peek.Addr))?.[1] ?? ''
    const said = [peek.Joined, peek.State, peek.Incarnation, peek.Health].map(String)
    return [name, id, address, ...said, `${took.toFixed(1)}ms`]
  } catch (error) {
    const why = signal.aborted ? `no answer within ${ANSWER_MS / 1000} s` : asCircuitError(error).message
    return [name, id, '', '', why]
  }
}

/** Columns as wide as what is in them. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, n) =>
    Math.max(...rows.map((row) => (n === row.length - 1 ? 0 : (row[n] ?? '').length))),
  )
  return rows
    .map(
      (row) =>
        `${row
          .map((text, n) => text.padEnd(widths[n] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
