/** What the commands share that are clients: options that say which server to dial, and a circuit to work on. */
import { type Circuit, connect } from '../client/circuit.ts'
import type { Command } from './command.ts'
import { DISCOVERY_OPTIONS, findDiscovery, findKeys, type KeyValues } from './network.ts'
import { type Options, type Parsed, parseOptions, UsageError } from './options.ts'

export const CLIENT_OPTIONS = {
  dial: {
    type: 'string',
    short: 'd',
    value: 'URL',
    help: 'the server to dial (otherwise from the file that CIRCUIT names, or one of yours on this host)',
  },
  discover: {
    ...DISCOVERY_OPTIONS.discover,
    help: 'dial a server that answers in a multicast group, as 228.8.8.8:7711 (otherwise CIRCUIT_DISCOVER)',
  },
  hmac: {
    type: 'string',
    value: 'FILE',
    help: "the circuit's key (otherwise CIRCUIT_HMAC, or your own key of this host)",
  },
  insecure: { type: 'boolean', help: 'the circuit has no key: speak in plaintext' },
} as const satisfies Options

export type ClientValues = Parsed<typeof CLIENT_OPTIONS>

export interface ClientCommand<O extends Options> {
  readonly usage: string
  readonly summary: string
  readonly details?: string
  /** Beside those of every client. */
  readonly options?: O
  /** How many words there may be, least and most. */
  readonly words: readonly [least: number, most: number]
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
  const {
    usage,
    summary,
    details,
    words: [least, most],
  } = command
  const options = { ...command.options, ...CLIENT_OPTIONS } as O & typeof CLIENT_OPTIONS
  return {
    usage,
    summary,
    options,
    ...(details !== undefined && { details }),
    async run(args) {
      const { values, words } = parseOptions(args, options)
      if (words.length < least) throw new UsageError('a word is missing')
      if (words.length > most) throw new UsageError(`there is a word too many: ${words[most]}`)
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
export function dial({ dial, discover, hmac, insecure }: ClientValues): Promise<Circuit> {
  const given: KeyValues = { ...(hmac !== undefined && { hmac: [hmac] }), ...(insecure && { insecure }) }
  if (discover !== undefined) findDiscovery({ discover })
  return connect({ url: dial, discover, keys: findKeys(given).keys })
}
