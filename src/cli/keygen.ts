/** `circuit keygen`: makes the key of a circuit. */
import { generateKey } from '../node/peer/key.ts'
import type { Command } from './command.ts'

export const keygen: Command = {
  summary: 'print a new key for a circuit',
  options: {},
  words: [],
  redirection: '> FILE',
  details: 'Keep it in a file that only its user can read. Every server and client gets it with -hmac FILE.',
  examples: { 'make a key once, and copy it to every host': '(umask 077; circuit keygen > key)' },
  async run() {
    console.log(generateKey())
    return 0
  },
}
