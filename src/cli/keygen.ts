/** `circuit keygen`: makes the key of a circuit. */
import { generateKey } from '../node/peer/key.ts'
import type { Command } from './command.ts'

export const keygen: Command = {
  usage: 'circuit keygen > FILE',
  summary: 'print a new key for a circuit',
  options: {},
  details:
    'Keep it in a file that only its user can read: (umask 077; circuit keygen > key). Every server and client gets it with -hmac FILE.',
  async run() {
    console.log(generateKey())
    return 0
  },
}
