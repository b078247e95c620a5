/** `circuit members`: for operators, how each server is, and how far. */
import type { Circuit, ServerEntry } from '../client/circuit.ts'
import { asCircuitError } from '../proto/errors.ts'
import { clientCommand } from './client.ts'
import { jsonText, writeOut } from './stdio.ts'

/** How long a server may take to answer, in ms; one that is cut off is known as lost sooner or later. */
const ANSWER_MS = 3000

const HEAD = ['NAME', 'SERVER', 'ADDRESS', 'SINCE', 'STATE', 'INCARNATION', 'HEALTH', 'RTT']

export const members = clientCommand({
  summary: 'the servers, how they are, and how far',
  options: { json: { type: 'boolean', help: 'the same as JSON: an array, RTT in milliseconds' } },
  words: [],
  details: `STATE is that of the membership, or why a server does not answer. INCARNATION says how often the server was taken for failed and
said that it is not; HEALTH how badly it hears the others: 0 is well, 8 is worst. RTT is a call's time to it and back, by way of the server that is dialled.`,
  examples: {
    'how all are': 'circuit members',
    'addresses by name': `circuit members --json | jq -r '.[] | "\\(.Address) \\(.Name)"'`,
  },
  async run(circuit, _, { json }) {
    const found = await Promise.all((await circuit.servers()).map((server) => ask(circuit, server)))
    found.sort((a, b) => (a.Name < b.Name ? -1 : 1))
    await writeOut(json ? jsonText(found) : table([HEAD, ...found.map(row)]))
    return found.every(isWell) ? 0 : 1
  },
})

interface Member {
  readonly Name: string
  readonly Server: string
}

/** What it says of itself. */
interface Answer extends Member {
  readonly Address: string
  readonly Joined: unknown
  readonly State: unknown
  readonly Incarnation: unknown
  readonly Health: unknown
  /** In ms. */
  readonly RTT: number
}

/** Why it says nothing. */
interface Silence extends Member {
  readonly Error: string
}

const isWell = (member: Answer | Silence): member is Answer => 'RTT' in member

async function ask(circuit: Circuit, { name, id, path }: ServerEntry): Promise<Answer | Silence> {
  const member = { Name: name, Server: id }
  const signal = AbortSignal.timeout(ANSWER_MS)
  try {
    // The first call may have to make the connection to it.
    await circuit.readText(`${path}/peek`, { signal })
    const start = performance.now()
    const peek: Record<string, unknown> = JSON.parse(await circuit.readText(`${path}/peek`, { signal }))
    const RTT = Number((performance.now() - start).toFixed(1))
    const Address = /^circuit:\/\/([^/]+)/.exec(String(peek.Addr))?.[1] ?? ''
    const { Joined, State, Incarnation, Health } = peek
    return { ...member, Address, Joined, State, Incarnation, Health, RTT }
  } catch (error) {
    const why = signal.aborted ? `no answer within ${ANSWER_MS / 1000} s` : asCircuitError(error).message
    return { ...member, Error: why }
  }
}

function row(member: Answer | Silence): string[] {
  const { Name, Server } = member
  if (!isWell(member)) return [Name, Server, '', '', member.Error]
  const { Address, Joined, State, Incarnation, Health, RTT } = member
  return [Name, Server, Address, ...[Joined, State, Incarnation, Health].map(String), `${RTT.toFixed(1)}ms`]
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
