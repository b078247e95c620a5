/** `circuit help [COMMAND]`. */
import type { Command } from './command.ts'
import { optionLines, UsageError } from './options.ts'

export function makeHelp(commands: Readonly<Record<string, Command>>): Command {
  return {
    usage: 'circuit help [COMMAND]',
    summary: 'print this, or what a command does',
    options: {},
    async run([name]) {
      if (name === undefined) console.log(overview(commands))
      else console.log(explain(find(commands, name)))
      return 0
    },
  }
}

function find(commands: Readonly<Record<string, Command>>, name: string): Command {
  const command = commands[name]
  if (command === undefined) throw new UsageError(`there is no command ${name}`)
  return command
}

function overview(commands: Readonly<Record<string, Command>>): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`)
  return `circuit: a cluster as one tree of files\n\n${lines.join('\n')}\n\n'circuit help COMMAND' says more of a command; the file help in the mounted tree, how to use that.`
}

function explain({ usage, summary, options, details }: Command): string {
  const sections = [`usage: ${usage}\n\n${summary}`, optionLines(options).join('\n'), details ?? '']
  return sections.filter((section) => section !== '').join('\n\n')
}
