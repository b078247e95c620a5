/** The commands as completions need them: names, options and words, each with what it may be. */
import { constants } from 'node:os'
import type { Commands } from '../command.ts'
import { type Option, spell } from '../options.ts'

/** What a word or the value of an option is; `words`: one of some. */
export type Kind =
  | { readonly is: 'path' | 'file' | 'directory' | 'program' | 'server' | 'interface' | 'group' | 'unknown' }
  | { readonly is: 'words'; readonly words: readonly string[] }

export interface OptionRow {
  readonly name: string
  readonly short: string | undefined
  readonly help: string
  /** What its value is, as help calls it; undefined where it takes none. */
  readonly value: string | undefined
  readonly kind: Kind
  readonly multiple: boolean
  /** Every client has it. */
  readonly common: boolean
}

export interface WordRow {
  readonly label: string
  readonly kind: Kind
  /** It stands for all that follow, too. */
  readonly repeated: boolean
}

export interface CommandRow {
  readonly name: string
  readonly summary: string
  readonly options: readonly OptionRow[]
  readonly words: readonly WordRow[]
}

export type Table = readonly CommandRow[]

export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** Options that say which server is dialled: it is the one to ask for paths. */
export const DIALLING = { withValue: ['dial', 'discover', 'hmac'], flags: ['mdns', 'insecure'] } as const

/** All that those may be called. */
export const DIALLING_SPELLINGS: readonly string[] = [
  ...[...DIALLING.withValue, ...DIALLING.flags].flatMap((name) => [`--${name}`, `-${name}`]),
  '-d',
]
/** What asks for them. */
export const LIST = 'circuit ls --timeout 1'

const SIGNALS = Object.keys(constants.signals).map((name) => name.slice(3))

/** Placeholders of usage whose words can be completed. */
const KINDS: Readonly<Record<string, Kind>> = {
  PATH: { is: 'path' },
  FILE: { is: 'file' },
  DIR: { is: 'directory' },
  CMD: { is: 'program' },
  ARG: { is: 'file' },
  SERVER: { is: 'server' },
  IFACE: { is: 'interface' },
  GROUP: { is: 'group' },
  SIGNAL: { is: 'words', words: SIGNALS },
  SHELL: { is: 'words', words: SHELLS },
}

/** Each option once: it is the same in all commands that have one of that name. */
export function allOptions(table: Table): OptionRow[] {
  return Array.from(
    new Map(table.flatMap(({ options }) => options.map((row) => [row.name, row] as const))).values(),
  )
}

export async function makeTable(commands: Commands): Promise<Table> {
  const names = Object.keys(commands)
  return Promise.all(
    Object.entries(commands).map(async ([name, load]) => {
      const { summary, options, words } = await load()
      return {
        name,
        summary,
        options: Object.entries(options).map(([name, option]) => optionRow(name, option)),
        words: words.filter((word) => word !== '--').map((word) => wordRow(word, names)),
      }
    }),
  )
}

function optionRow(name: string, option: Option): OptionRow {
  const { short, help, value, multiple, common } = option
  const kind = kindOf(value ?? '')
  return { name, short, help, value, kind, multiple: multiple === true, common: common === true }
}

function wordRow(word: string, commands: readonly string[]): WordRow {
  const label = word.replaceAll(/[[\]…]/g, '')
  const kind: Kind =
    label === 'COMMAND'
      ? { is: 'words', words: commands }
      : /^[a-z]+$/.test(label)
        ? { is: 'words', words: [label] }
        : kindOf(label)
  return { label, kind, repeated: word.includes('…') }
}

const kindOf = (placeholder: string): Kind => KINDS[placeholder] ?? { is: 'unknown' }

/** An option as today, with its letter, and as the original spelled it. */
export function allSpellings({ name, short }: OptionRow): string[] {
  const old = name.length === 1 ? [] : [`-${name}`]
  return [...(short === undefined ? [] : [`-${short}`]), spell(name), ...old]
}

/** A string as one word of a shell. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
