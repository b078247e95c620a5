#!/usr/bin/env node
/** The command `circuit`. Exit status 0: done, 1: failed, with one plain sentence on stderr, 2: wrong usage. */
import { CircuitError } from '../proto/errors.ts'
import type { Command } from './command.ts'
import { commands } from './commands.ts'
import { findCommand } from './find.ts'
import { makeHelp } from './help.ts'
import { ownArguments, UsageError } from './options.ts'
import { OutputClosed } from './stdio.ts'
import { usageOf } from './usage.ts'

/** What a shell says of a program that SIGPIPE has ended. */
const PIPE_STATUS = 141

/** What stands for a command, in the spelling of the original. */
const ASKED_BY_OPTION: Readonly<Record<string, string>> = {
  '-h': 'help',
  '-help': 'help',
  '-version': 'version',
}

async function main([name = 'help', ...args]: readonly string[]): Promise<number> {
  const asked = ASKED_BY_OPTION[name.replace(/^--?/, '-')] ?? name
  let command: Command | undefined
  try {
    command = await findCommand(commands, asked)
    return isCallForHelp(args, command) ? await makeHelp(commands).run([asked]) : await command.run(args)
  } catch (error) {
    if (error instanceof OutputClosed) return PIPE_STATUS
    console.error(`circuit: ${describe(error)}`)
    if (!(error instanceof UsageError)) return 1
    if (command) console.error(`usage: ${usageOf(asked, command)}\n'circuit help ${asked}' says more`)
    return 2
  }
}

/** Where the words are another command, it may be that one's help that is asked for. */
function isCallForHelp(args: readonly string[], { words, options }: Command): boolean {
  const end = args.indexOf('--')
  const own = words[0] === '--' ? ownArguments(args, options) : args.slice(0, end < 0 ? undefined : end)
  return own.some((arg) => /^--?h(elp)?$/.test(arg))
}

/** One sentence, which says of what it speaks. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message } = error
  const path = error instanceof CircuitError ? error.path : undefined
  if (path === undefined || message.includes(path)) return message
  // Whoever uses a command thinks of anchors: files are what these commands are made of.
  const anchor = path.replace(/\/[^/]+$/, '')
  if (anchor !== '' && message.includes(anchor)) return message
  return `${path.endsWith('/ctl') ? anchor : path}: ${message}`
}

void main(process.argv.slice(2)).then((status) => {
  process.exitCode = status
})
