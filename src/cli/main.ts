#!/usr/bin/env node
/** The command `circuit`. Exit status 0: done, 1: failed, with one plain sentence on stderr, 2: wrong usage. */
import type { Command } from './command.ts'
import { makeHelp } from './help.ts'
import { keygen } from './keygen.ts'
import { UsageError } from './options.ts'
import { start } from './start.ts'
import { version } from './version.ts'

const commands: Record<string, Command> = { start, keygen, version }
commands.help = makeHelp(commands)

async function main([name, ...args]: readonly string[]): Promise<number> {
  const asked = name === undefined || name === '-h' || name === '--help' || name === '-help' ? 'help' : name
  const command = commands[asked]
  try {
    if (command === undefined) throw new UsageError(`there is no command ${asked}; 'circuit help' lists them`)
    if (args.some((arg) => /^--?h(elp)?$/.test(arg))) return (await commands.help?.run([asked])) ?? 0
    return await command.run(args)
  } catch (error) {
    console.error(`circuit: ${error instanceof Error ? error.message : String(error)}`)
    if (!(error instanceof UsageError)) return 1
    if (command) console.error(`usage: ${command.usage}`)
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
