/** What the commands share that are clients: options that say which server to dial, and a circuit to work on. */
import { type Circuit, connect } from '../client/circuit.ts'
import type { Command } from './command.ts'
import { DISCOVERY_OPTIONS, findDiscovery, findKeys, type KeyValues } from './network.ts'
import { type Options, type Parsed, parseOptions, UsageError } from './options.ts'
import { checkWords } from './usage.ts'

export const CLIENT_OPTIONS = {
  dial: {
    type: 'string',
    common: true,
    short: 'd',
    value: 'URL',
    help: 'the server to dial (otherwise from the file that CIRCUIT names, or one of yours on this host)',
  },
  discover: {
    ...DISCOVERY_OPTIONS.discover,
    common: true,
    help: 'dial a server that answers in a multicast group, as 228.8.8.8:7711 (otherwise CIRCUIT_DISCOVER)',
  },
  mdns: {
    ...DISCOVERY_OPTIONS.mdns,
    common: true,
    help: 'dial a server that multicast DNS knows, as _circuit._tcp',
  },
  hmac: {
    type: 'string',
    common: true,
    value: 'FILE',
    help: "the circuit's key (otherwise CIRCUIT_HMAC, or your own key of this host)",
  },
  insecure: { type: 'boolean', common: true, help: 'the circuit has no key: speak in plaintext' },
  timeout: {
    type: 'string',
    common: true,
    value: 'SECONDS',
    help: 'for how long a server is looked for (default 3)',
  },
} as const satisfies Options

/** A day; beyond what a timer can wait, it would not wait at all. */
const MAX_TIMEOUT_S = 86_400

export type ClientValues = Parsed<typeof CLIENT_OPTIONS>

export interface ClientCommand<O extends Options> {
  readonly summary: string
  readonly words: readonly string[]
  readonly redirection?: string
  readonly details?: string
  readonly examples: Readonly<Record<string, string>>
  /** Beside those of every client. */
  readonly options?: O
  /** Gives the exit status; without one it is 0. @throws CircuitError, UsageError */
  run(
    circuit: Circuit,
    words: readonly string[],
    values: Parsed<O>,
    // biome-ignore lint/suspicious/noConfusingVoidType: most commands have nothing to say at their end
  ): Promise<number | void>
}

/** A command that connects, does its work, and ends. */
export function clientCommand<const O extends Options = Record<never, never>>(
  command: ClientCommand<O>,
): Command {
  const options = { ...command.options, ...CLIENT_OPTIONS } as O & typeof CLIENT_OPTIONS
  return {
    ...command,
    options,
    async run(args) {
      const { values, words } = parseOptions(args, options)
      checkWords(words, command.words)
      const circuit = await dial(values as ClientValues)
      try {
        return (await command.run(circuit, words, values as Parsed<O>)) ?? 0
      } finally {
        await circuit.close()
      }
    },
  }
}

/** Connects as the options say. @throws CircuitError */
export async function dial({
  dial,
  discover,
  mdns,
  hmac,
  insecure,
  timeout,
}: ClientValues): Promise<Circuit> {
  const given: KeyValues = { ...(hmac !== undefined && { hmac: [hmac] }), ...(insecure && { insecure }) }
  if (discover !== undefined) findDiscovery({ discover })
  const limit = timeout === undefined ? undefined : milliseconds(timeout)
  const found = findKeys(given)
  return connect({ url: dial, discover, mdns, ...(found.given && { keys: found.keys }), timeout: limit })
}

function milliseconds(seconds: string): number {
  const number = Number(seconds)
  if (!(number > 0 && number <= MAX_TIMEOUT_S)) throw new UsageError(`not a number of seconds: ${seconds}`)
  return number * 1000
}
