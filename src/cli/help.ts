/** `circuit help [COMMAND]`. */
import type { Command, Commands } from './command.ts'
import { findCommand } from './find.ts'
import { optionHelp, parseOptions } from './options.ts'
import { type Paragraph, paragraphsOf, wrap } from './text.ts'
import { checkWords, usageOf } from './usage.ts'

/** Columns of a help text, and where explanations begin in it. */
const WIDTH = 100
const INDENT = 26

export const makeHelp = (commands: Commands): Command => {
  const words = ['[COMMAND]']
  return {
    summary: 'print this, or what a command does',
    options: {},
    words,
    examples: { 'all that there is to say of mkproc, as circuit mkproc --help does': 'circuit help mkproc' },
    async run(args) {
      const given = parseOptions(args, {}).words
      checkWords(given, words)
      const [name] = given
      if (name === undefined) console.log(await overview(commands))
      else console.log(explain(name, await findCommand(commands, name)))
      return 0
    },
  }
}

async function overview(commands: Commands): Promise<string> {
  const lines = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => `  ${name.padEnd(11)}${(await load()).summary}`),
  )
  return `circuit: a cluster as one tree of files

${lines.join('\n')}

'circuit help COMMAND' says more of a command, with examples; the file help in the mounted tree, how to use that.
Options stand behind the command, with one dash or two: -hmac is --hmac.`
}

/** All that there is to say of a command. */
export function explain(name: string, command: Command): string {
  const options = optionHelp(command.options).map(([spelled, help]) =>
    wrap([`  ${spelled}`.padEnd(INDENT - 1), help].join(' '), WIDTH, INDENT),
  )
  const examples = Object.entries(command.examples).map(([does, script]) => `# ${does}\n${script}`)
  const sections = [
    wrapUsage(`usage: ${usageOf(name, command)}`),
    sentence(command.summary),
    options.join('\n'),
    paragraphsOf(command.details ?? '')
      .map(paragraph)
      .join('\n'),
    examples.length > 0 ? `Examples:\n\n${indent(examples.join('\n\n'))}` : '',
  ]
  return sections.filter((section) => section !== '').join('\n\n')
}

/** An option stays in a line with its value. */
const wrapUsage = (usage: string): string =>
  wrap(usage.replaceAll(/(?<=\[\S+) (?=\S+\])/g, '\u00a0'), WIDTH, 4).replaceAll('\u00a0', ' ')

const paragraph = ({ text, literal }: Paragraph): string => (literal ? text : wrap(text, WIDTH))

const sentence = (summary: string): string => `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`

const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ')
