/** How a command is used, in one line, made from its table; and whether it is used so. */
import type { Command } from './command.ts'
import { type Option, spell, UsageError } from './options.ts'

/** `circuit ls [-l] [--depth] [PATH]` */
export function usageOf(name: string, { options, words, redirection }: Command): string {
  const shown = Object.entries(options)
    .filter(([, { common }]) => !common)
    .map(([name, option]) => optionUsage(name, option))
  return ['circuit', name, ...shown, ...words, ...(redirection === undefined ? [] : [redirection])].join(' ')
}

function optionUsage(name: string, { short = name, value, multiple }: Option): string {
  return `[${spell(short)}${value ? ` ${value}` : ''}]${multiple ? '…' : ''}`
}

const isOptional = (word: string): boolean => word.startsWith('[')
const isRepeated = (word: string): boolean => word.includes('…')

/** @throws UsageError when words are missing, or there are too many */
export function checkWords(given: readonly string[], words: readonly string[]): void {
  const missing = words[given.length]
  if (missing !== undefined && !isOptional(missing))
    throw new UsageError(`${missing.replace('…', '')} is missing`)
  if (given.length > words.length && !isRepeated(words.at(-1) ?? ''))
    throw new UsageError(`there is a word too many: ${given[words.length]}`)
}
