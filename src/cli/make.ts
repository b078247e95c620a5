/** The commands that make an element on a new anchor: mkproc mkdkr mkchan mkdns mk@join mk@leave. */
import type { Circuit } from '../client/circuit.ts'
import { CircuitError } from '../proto/errors.ts'
import { commandLine } from '../proto/quote.ts'
import { clientCommand } from './client.ts'
import type { Command } from './command.ts'
import { readInput } from './stdio.ts'

/** Makes the anchor, and those above it, where they are missing, and the element; if that fails, nothing of it stays. */
export async function makeElement(circuit: Circuit, path: string, command: string): Promise<void> {
  const made = await circuit.make(path, { parents: true })
  try {
    await circuit.command(path, command)
  } catch (error) {
    for (const anchor of made.reverse()) await circuit.remove(anchor).catch(() => {})
    throw error
  }
}

async function makeFromInput(circuit: Circuit, path: string, verb: string, scrub = false): Promise<void> {
  const fields = parseObject(await readInput('a description in JSON'))
  await makeElement(circuit, path, `${verb} ${JSON.stringify(scrub ? { ...fields, Scrub: true } : fields)}`)
}

export const mkproc = clientCommand({
  summary: 'run a program: its description is read from the standard input',
  options: { scrub: { type: 'boolean', help: 'take the process off its anchor when it ends' } },
  words: ['PATH'],
  redirection: '< JSON',
  details: `All fields but Path may be left out:
  {"Path":"/bin/ls", "Args":["/"], "Env":["K=V"], "Dir":"/", "Scrub":false, "User":"nobody", "Detach":false,
   "Stdout":"pipe", "Stderr":"pipe", "Log":1048576}
Stdout and Stderr: "pipe" waits for readers, "log" keeps the last Log bytes, "discard" drops.`,
  examples: {
    'list the root directory of that host; circuit stdout prints it': `circuit mkproc /X88550014d4c82e4d/pippi << EOF
{
	"Path": "/bin/ls",
	"Args": ["/"]
}
EOF`,
    'in one line': `echo '{"Path":"make","Dir":"/src"}' | circuit mkproc /by-name/web1/build`,
  },
  run: (circuit, [path = ''], { scrub }) => makeFromInput(circuit, path, 'mkproc', scrub),
})

export const mkdkr = clientCommand({
  summary: 'run a program in a Docker container: its description is read from the standard input',
  options: { scrub: { type: 'boolean', help: 'take the container away when it ends' } },
  words: ['PATH'],
  redirection: '< JSON',
  details: `The server must have been started with -docker. All fields but Image may be left out:
  {"Image":"busybox", "Path":"/bin/ls", "Args":["/"], "Env":["K=V"], "Dir":"/", "Entry":"", "User":"nobody",
   "Memory":1000000000, "CpuShares":3, "Cpus":1.5, "Volume":["/webapp", "/src/webapp:/opt/webapp:ro"],
   "Network":"none", "Ports":["8080:80"], "Labels":{"K":"V"}, "Restart":"no", "Tty":false, "Pull":false,
   "Scrub":false, "Stdout":"pipe", "Stderr":"pipe", "Log":1048576}
Memory is in bytes. Pull fetches an image that is not there. Stdout, Stderr and Log are as for mkproc.`,
  examples: {
    'list the root directory of the image; circuit stdout prints it': `circuit mkdkr /X88550014d4c82e4d/docky << EOF
{
	"Image": "ubuntu",
	"Memory": 1000000000,
	"Path": "/bin/ls",
	"Args": ["/"]
}
EOF`,
  },
  run: (circuit, [path = ''], { scrub }) => makeFromInput(circuit, path, 'mkdkr', scrub),
})

export const mkchan = clientCommand({
  summary: 'make a channel, which buffers CAPACITY messages (default 0)',
  words: ['PATH', '[CAPACITY]'],
  examples: {
    'up to three messages wait in it for receivers': 'circuit mkchan /X88550014d4c82e4d/this/is/charlie 3',
  },
  run: (circuit, [path = '', ...capacity]) => makeElement(circuit, path, commandLine('mkchan', ...capacity)),
})

export const mkdns = clientCommand({
  summary: "make a nameserver (by default at its server's address, on a free port)",
  options: {
    circuit: {
      type: 'string',
      value: 'DOMAIN',
      help: "the circuit's servers are found below it, as web1.DOMAIN",
    },
  },
  words: ['PATH', '[ADDRESS:PORT]'],
  details:
    'circuit peek says at which address it is. Records come and go with circuit set and circuit unset.',
  examples: {
    'a nameserver at an address of its own': 'circuit mkdns /X88550014d4c82e4d/mydns 127.0.0.1:7711',
    'one that knows the servers: dig web1.circuit.local':
      'circuit mkdns --circuit circuit.local /X88550014d4c82e4d/names :53',
  },
  run(circuit, [path = '', ...address], { circuit: domain }) {
    const [Address] = address
    const command =
      domain === undefined
        ? commandLine('mkdns', ...address)
        : `mkdns ${JSON.stringify({ Address, Circuit: domain })}`
    return makeElement(circuit, path, command)
  },
})

const subscription = (verb: string, what: string): Command =>
  clientCommand({
    summary: `make a subscription, which tells of ${what}`,
    words: ['PATH'],
    details: 'circuit recv receives one event, the path of a server.',
    examples: {
      'wait for the next event': `circuit ${verb} /X88550014d4c82e4d/watch\ncircuit recv /X88550014d4c82e4d/watch`,
    },
    run: (circuit, [path = '']) => makeElement(circuit, path, verb),
  })

export const mkJoin = subscription('mk@join', 'the servers that are there, then of each that comes')
export const mkLeave = subscription('mk@leave', 'each server that stops or is lost')

/** A JSON object. As in the original's examples, a comma may follow the last element. */
export function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(withoutLastCommas(text))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
    throw new Error('it is another value')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CircuitError('EINVAL', `the standard input is not a JSON object: ${why}`, { cause })
  }
}

/** Strings are matched too, and left as they are. */
const withoutLastCommas = (json: string): string =>
  json.replace(/"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])/g, (found) => (found === ',' ? '' : found))
