/** What a command of `circuit` is. The parser, help, the manual page and the completions are made of it. */
import type { Options } from './options.ts'

export interface Command {
  /** One line. */
  readonly summary: string
  readonly options: Options
  /**
   * What its words are called, in order: `PATH`, `PATH…` for one or more, `[PATH]` and `[PATH…]` where there may be none, and in small
   * letters those that are as they stand. Completions know what some of them are (completion.ts).
   */
  readonly words: readonly string[]
  /** What usage shows behind them: `< FILE`. */
  readonly redirection?: string
  /** Further sentences of its help. */
  readonly details?: string
  /** Scripts to type, by what they do. */
  readonly examples: Readonly<Record<string, string>>
  /** Runs it; gives the exit status. @throws UsageError, or Error with a plain sentence */
  run(args: readonly string[]): Promise<number>
}

/** Commands by name, each loaded when it is used: a client must start fast. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>
