/** Options of the command line: one table a command, in the spelling of today (`--name X`) and of the original (`-name X`). */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { didYouMean } from './suggest.ts'

export interface Option {
  readonly type: 'string' | 'boolean'
  /** It may be given more than once. */
  readonly multiple?: true
  /** Its one letter, beside its name. */
  readonly short?: string
  /** What stands for the value in help; completions know what some of them are (completion.ts). */
  readonly value?: string
  readonly help: string
  /** Every client has it: usage leaves it out. */
  readonly common?: true
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
  const parsed = parse(args, options)
  for (const token of parsed.tokens) if (token.kind === 'option') checkOption(token, options)
  return { values: parsed.values as Parsed<O>, words: parsed.positionals }
}

/** The same, where the first word begins a command with options of its own. @throws UsageError */
export function parseOptionsOfCommand<O extends Options>(
  args: readonly string[],
  options: O,
): { values: Parsed<O>; words: string[] } {
  const own = ownArguments(args, options)
  const words = args.slice(own.length)
  return { values: parseOptions(own, options).values, words: words[0] === '--' ? words.slice(1) : words }
}

/** What stands before the first word, or before --. */
export function ownArguments(args: readonly string[], options: Options): readonly string[] {
  const first = parse(args, options).tokens.find(({ kind }) => kind !== 'option')
  return args.slice(0, first?.index)
}

function parse(args: readonly string[], options: Options) {
  const end = args.indexOf('--')
  const config = {
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
    strict: false,
    tokens: true,
  } as const satisfies ParseArgsConfig
  return parseArgs(config)
}

interface GivenOption {
  readonly name: string
  readonly value?: string | undefined
  /** As in --name=value. */
  readonly inlineValue?: boolean | undefined
}

/** @throws UsageError where there is no such option, or no value for it, or one too many */
function checkOption({ name, value, inlineValue = false }: GivenOption, options: Options): void {
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  const spelled = spell(name)
  if (option === undefined)
    throw new UsageError(
      `there is no option ${spelled}${didYouMean(spelled, Object.keys(options).map(spell))}`,
    )
  if (option.type === 'boolean' && value !== undefined) throw new UsageError(`${spelled} takes no value`)
  // What looks like an option is one, not a value: `-hmac -insecure`.
  if (option.type === 'string' && (value === undefined || (!inlineValue && /^-./.test(value))))
    throw new UsageError(`${spelled} needs a value: ${option.value}`)
}

/** An option as it is typed, by its name. */
export const spell = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

/** All that an option may be called: `-d`, `--dial`. */
export const spellings = (name: string, { short }: Option): string[] => [
  ...(short === undefined ? [] : [`-${short}`]),
  spell(name),
]

/** Each option of a table as help shows it, with what it does. */
export const optionHelp = (options: Options): (readonly [spelled: string, help: string])[] =>
  Object.entries(options).map(([name, option]) => [
    `${spellings(name, option).join(', ')}${option.value ? ` ${option.value}` : ''}`,
    option.help,
  ])
