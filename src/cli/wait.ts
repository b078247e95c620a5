/** `circuit wait` and `circuit waitall`: wait for the end of processes. */
import type { Circuit } from '../client/circuit.ts'
import { asCircuitError } from '../proto/errors.ts'
import { joinPath } from '../proto/path.ts'
import { clientCommand } from './client.ts'
import { jsonText, readInput, writeOut } from './stdio.ts'

export const wait = clientCommand({
  summary: 'wait until a process ends, and print its state as JSON',
  words: ['PATH'],
  details:
    'The exit status is 0 whatever that of the process was: it is in the state, as ExitCode or Signal. circuit run passes it through.',
  examples: {
    'wait, and see': 'circuit wait /X88550014d4c82e4d/pippi',
    'the status of the process as that of the script':
      'exit $(circuit wait /X88550014d4c82e4d/pippi | jq .ExitCode)',
  },
  async run(circuit, [path = '']) {
    const status = Number(await circuit.readText(joinPath(path, 'wait')))
    await writeOut(jsonText(await endState(circuit, path, status)))
  },
})

/** The state of a process that has ended; where it has been taken off its anchor since, what its status says. */
async function endState(circuit: Circuit, path: string, status: number): Promise<unknown> {
  const state = await circuit.peek(path).catch(() => null)
  const isOfEnded =
    isObject(state) && (isObject(state.State) ? state.State.Running === false : hasFinished(state))
  return isOfEnded ? state : { Exit: status === 0 ? null : `exit status ${status}`, ExitCode: status }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

const hasFinished = (process: Readonly<Record<string, unknown>>): boolean =>
  'Finished' in process && process.Finished !== null

export const waitall = clientCommand({
  summary:
    'wait until all of several processes have ended; without PATHs, they are read from the standard input',
  words: ['[PATH…]'],
  options: { json: { type: 'boolean', help: 'each line as JSON: {"Path":"/X…/a","Status":0}' } },
  details: 'It prints a line for each as it ends: its status, as a shell says it, and its path.',
  examples: {
    'all jobs': 'circuit ls /X88550014d4c82e4d/jobs | circuit waitall',
    'those that failed': "circuit ls /by-name/web1/jobs | circuit waitall | grep -v '^0 '",
  },
  async run(circuit, words, { json }) {
    const paths =
      words.length > 0
        ? words
        : (await readInput('a list of paths')).split('\n').filter((line) => line !== '')
    let failed = false
    await Promise.all(
      paths.map(async (path) => {
        try {
          const status = await circuit.readText(joinPath(path, 'wait'))
          const line = json
            ? JSON.stringify({ Path: path, Status: Number(status) })
            : `${status.trim()} ${path}`
          await writeOut(`${line}\n`)
        } catch (error) {
          failed = true
          console.error(`circuit: ${path}: ${asCircuitError(error).message}`)
        }
      }),
    )
    return failed ? 1 : 0
  },
})
