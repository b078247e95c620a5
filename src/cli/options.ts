/** Options of the command line: one table a command, in the spelling of today (`--name X`) and of the original (`-name X`). */
import { type ParseArgsConfig, parseArgs } from 'node:util'

export interface Option {
  readonly type: 'string' | 'boolean'
  /** It may be given more than once. */
  readonly multiple?: true
  /** Its one letter, beside its name. */
  readonly short?: string
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
  const config = parserOf(args, options)
  try {
    const { values, positionals } = parseArgs({ ...config, strict: true })
    return { values: values as Parsed<O>, words: positionals }
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/** The same, where the first word begins a command with options of its own. @throws UsageError */
export function parseOptionsOfCommand<O extends Options>(
  args: readonly string[],
  options: O,
): { values: Parsed<O>; words: string[] } {
  const { tokens } = parseArgs({ ...parserOf(args, options), strict: false, tokens: true })
  const first = tokens.find(({ kind }) => kind !== 'option')
  const own = args.slice(0, first?.index)
  const words = args.slice(own.length)
  return {
    values: parseOptions(own, options).values,
    words: first?.kind === 'option-terminator' ? words.slice(1) : words,
  }
}

function parserOf(args: readonly string[], options: Options) {
  const end = args.indexOf('--')
  return {
    args: args.map((arg, n) =>
      (end < 0 || n < end) && /^-[a-z][a-z0-9-]+(=|$)/.test(arg) ? `-${arg}` : arg,
    ),
    options: Object.fromEntries(
      Object.entries(options).map(([name, { type, multiple = false, short }]) => [
        name,
        { type, multiple, ...(short !== undefined && { short }) },
      ]),
    ),
    allowPositionals: true,
  } as const satisfies ParseArgsConfig
}

export const optionLines = (options: Options): string[] =>
  Object.entries(options).map(([name, { value, short, help }]) => {
    const spelled = `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`
    return `  ${spelled}`.padEnd(26) + help
  })
