/** `circuit completion SHELL`: what makes a shell complete the words of circuit, made from the tables of the commands. */
import type { Command, Commands } from './command.ts'
import { bashCompletion } from './completion/bash.ts'
import { fishCompletion } from './completion/fish.ts'
import { makeTable, SHELLS, type Table } from './completion/table.ts'
import { zshCompletion } from './completion/zsh.ts'
import { parseOptions, UsageError } from './options.ts'
import { didYouMean } from './suggest.ts'
import { checkWords } from './usage.ts'

const MAKERS: Readonly<Record<(typeof SHELLS)[number], (table: Table) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

export const makeCompletion = (commands: Commands): Command => {
  const words = ['SHELL']
  return {
    summary: 'print what makes bash, zsh or fish complete commands, options, and paths of the tree',
    options: {},
    words,
    details:
      'Paths are asked of the server that the command would dial. Where none answers within 1 s there is nothing to complete.',
    examples: {
      'bash: a line of ~/.bashrc': 'source <(circuit completion bash)',
      'zsh: a line of ~/.zshrc, behind compinit': 'source <(circuit completion zsh)',
      'fish: once': 'circuit completion fish > ~/.config/fish/completions/circuit.fish',
    },
    async run(args) {
      const given = parseOptions(args, {}).words
      checkWords(given, words)
      const [shell = ''] = given
      const known = SHELLS.find((name) => name === shell)
      if (known === undefined)
        throw new UsageError(
          `there are completions for ${SHELLS.join(', ')}, none for ${shell}${didYouMean(shell, SHELLS)}`,
        )
      process.stdout.write(MAKERS[known](await makeTable(commands)))
      return 0
    },
  }
}
