/** Options of the command line: one table a command, in the spelling of today (`--name X`) and of the original (`-name X`). */
import { parseArgs } from 'node:util'

export interface Option {
  readonly type: 'string' | 'boolean'
  /** It may be given more than once. */
  readonly multiple?: true
  /** What stands for the value in help. */
  readonly value?: string
  readonly help: string
}

export type Options = Readonly<Record<string, Option>>
export type Parsed<O extends Options> = {
  readonly [K in keyof O]?: O[K]['type'] extends 'boolean'
    ? boolean
    : O[K]['multiple'] extends true
      ? string[]
      : string
}

/** Wrong use of a command: exit status 2. */
export class UsageError extends Error {}

/** The options and the words of a command line. @throws UsageError */
export function parseOptions<O extends Options>(
  args: readonly string[],
  options: O,
): { values: Parsed<O>; words: string[] } {
  const doubled = args.map((arg) => (/^-[a-z][a-z0-9-]+(=|$)/.test(arg) ? `-${arg}` : arg))
  const config = Object.fromEntries(
    Object.entries(options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  )
  try {
    const { values, positionals } = parseArgs({
      args: doubled,
      options: config,
      allowPositionals: true,
      strict: true,
    })
    return { values: values as Parsed<O>, words: positionals }
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

export const optionLines = (options: Options): string[] =>
  Object.entries(options).map(
    ([name, { value, help }]) => `  --${value ? `${name} ${value}` : name}`.padEnd(26) + help,
  )
