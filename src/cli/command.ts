/** What a command of `circuit` is. */
import { type Options, UsageError } from './options.ts'

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

/** @throws UsageError where there is none of that name */
export async function findCommand(commands: Commands, name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) throw new UsageError(`there is no command ${name}; 'circuit help' lists them`)
  return load()
}
