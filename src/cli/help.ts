/** `circuit help [COMMAND]`. */
import { type Command, type Commands, findCommand } from './command.ts'
import { optionLines } from './options.ts'

/** @param load loads a command by name; undefined where there is none of that name */
export const makeHelp = (commands: Commands): Command => ({
  usage: 'circuit help [COMMAND]',
  summary: 'print this, or what a command does',
  options: {},
  async run([name]) {
    if (name === undefined) console.log(await overview(commands))
    else console.log(explain(await findCommand(commands, name)))
    return 0
  },
})

async function overview(commands: Commands): Promise<string> {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(10)}${(await load()).summary}`),
  )
  return `circuit: a cluster as one tree of files\n\n${lines.join('\n')}\n\n'circuit help COMMAND' says more of a command; the file help in the mounted tree, how to use that.`
}

function explain({ usage, summary, options, details }: Command): string {
  const sections = [`usage: ${usage}\n\n${summary}`, optionLines(options).join('\n'), details ?? '']
  return sections.filter((section) => section !== '').join('\n\n')
}
