/** The commands that read or write one file of an element: peek stdin stdout stderr send recv. */
import { joinPath } from '../proto/path.ts'
import { clientCommand } from './client.ts'
import type { Command } from './command.ts'
import { copyIn, copyOut } from './stdio.ts'

const reading = (file: string, summary: string, details?: string): Command =>
  clientCommand({
    usage: `circuit ${file} PATH`,
    summary,
    words: [1, 1],
    ...(details !== undefined && { details }),
    run: async (circuit, [path = '']) => copyOut(await circuit.open(joinPath(path, file), 'r')),
  })

const writing = (file: string, summary: string, details: string): Command =>
  clientCommand({
    usage: `circuit ${file} PATH < FILE`,
    summary,
    words: [1, 1],
    details,
    run: async (circuit, [path = '']) => copyIn(await circuit.open(joinPath(path, file), 'w')),
  })

export const peek: Command = reading('peek', 'print the state of an element, as JSON; it never blocks')

export const stdout: Command = reading(
  'stdout',
  "copy a process's standard output here, as it comes, to its end",
  `Each byte goes to one reader; what a reader that ends early has not taken stays for the next.

  circuit stdout /X88550014d4c82e4d/pippi`,
)

export const stderr: Command = reading(
  'stderr',
  "copy a process's standard error here, as it comes, to its end",
)

export const recv: Command = reading(
  'recv',
  'wait for a message of a channel or a subscription, and print it',
  `It fails when the channel is closed and empty, so that this ends:

  while circuit recv /X88550014d4c82e4d/this/is/charlie; do :; done`,
)

export const stdin: Command = writing(
  'stdin',
  'make the standard input here that of a process, to its end',
  `The end of the input is the process's end of input, so this just closes it:

  circuit stdin /X88550014d4c82e4d/pippi < /dev/null`,
)

export const send: Command = writing(
  'send',
  'send the standard input to a channel, as one message',
  `It waits until a receiver takes the message, or the channel's buffer does. One that is ended before has sent nothing.

  echo hello | circuit send /X88550014d4c82e4d/this/is/charlie`,
)
