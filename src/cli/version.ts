/** `circuit version`. */
import { VERSION } from '../node/version.ts'
import type { Command } from './command.ts'

export const version: Command = {
  summary: 'print the version',
  options: {},
  words: [],
  examples: {},
  async run() {
    console.log(`circuit ${VERSION} (node ${process.version}, ${process.platform} ${process.arch})`)
    return 0
  },
}
