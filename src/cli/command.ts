/** What a command of `circuit` is. */
import type { Options } from './options.ts'

export interface Command {
  readonly usage: string
  /** One line. */
  readonly summary: string
  readonly options: Options
  /** Further lines of its help. */
  readonly details?: string
  /** Runs it; gives the exit status. @throws UsageError, or Error with a plain sentence */
  run(args: readonly string[]): Promise<number>
}

/** Commands by name, each loaded when it is used: a client must start fast. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>
