/** Finds a command by its name. */
import type { Command, Commands } from './command.ts'
import { UsageError } from './options.ts'
import { didYouMean } from './suggest.ts'

/** @throws UsageError where there is none of that name */
export async function findCommand(commands: Commands, name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load) return load()
  if (name.startsWith('-')) throw new UsageError(`options stand behind the command: circuit COMMAND ${name}`)
  const advice = didYouMean(name, Object.keys(commands)) || "; 'circuit help' lists them"
  throw new UsageError(`there is no command ${name}${advice}`)
}
