/** Words of a command, as the grammar of ctl (command.ts) reads them. */
import { CircuitError } from './errors.ts'

/** A word that ctl reads as just that. @throws CircuitError EINVAL: quotes don't span lines */
export function quoteWord(word: string): string {
  if (/[\n\0]/.test(word))
    throw new CircuitError(
      'EINVAL',
      `${JSON.stringify(word)} has a newline or a NUL, which no word of a command can have`,
    )
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** A command of a verb and words. */
export const commandLine = (verb: string, ...words: readonly string[]): string =>
  [verb, ...words.map(quoteWord)].join(' ')
