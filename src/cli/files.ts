/** The commands that read or write one file of an element: peek stdin stdout stderr send recv. */
import { joinPath } from '../proto/path.ts'
import { type ClientCommand, clientCommand } from './client.ts'
import type { Command } from './command.ts'
import { copyIn, copyOut } from './stdio.ts'

type Texts = Pick<ClientCommand<Record<never, never>>, 'summary' | 'details' | 'examples'>

const reading = (file: string, texts: Texts): Command =>
  clientCommand({
    ...texts,
    words: ['PATH'],
    run: async (circuit, [path = '']) => copyOut(await circuit.open(joinPath(path, file), 'r')),
  })

const writing = (file: string, texts: Texts): Command =>
  clientCommand({
    ...texts,
    words: ['PATH'],
    redirection: '< FILE',
    run: async (circuit, [path = '']) => copyIn(await circuit.open(joinPath(path, file), 'w')),
  })

export const peek: Command = reading('peek', {
  summary: 'print the state of an element, as JSON; it never blocks',
  examples: {
    'whether a process runs, and how it ended': 'circuit peek /X88550014d4c82e4d/pippi',
    'the version of a server': 'circuit peek /by-name/web1 | jq -r .Version',
  },
})

export const stdout: Command = reading('stdout', {
  summary: "copy a process's standard output here, as it comes, to its end",
  details: 'Each byte goes to one reader; what a reader that ends early has not taken stays for the next.',
  examples: { 'print what a process prints': 'circuit stdout /X88550014d4c82e4d/pippi' },
})

export const stderr: Command = reading('stderr', {
  summary: "copy a process's standard error here, as it comes, to its end",
  examples: { 'keep the complaints of a process': 'circuit stderr /X88550014d4c82e4d/pippi > complaints' },
})

export const recv: Command = reading('recv', {
  summary: 'wait for a message of a channel or a subscription, and print it',
  details: 'It fails when the channel is closed and empty.',
  examples: {
    'one message': 'circuit recv /X88550014d4c82e4d/this/is/charlie',
    'all messages, until the channel is closed':
      'while circuit recv /X88550014d4c82e4d/this/is/charlie; do :; done',
  },
})

export const stdin: Command = writing('stdin', {
  summary: 'make the standard input here that of a process, to its end',
  details: "The end of the input is the process's end of input.",
  examples: {
    'give a process its input': 'circuit stdin /X88550014d4c82e4d/pippi < input',
    'just close it': 'circuit stdin /X88550014d4c82e4d/pippi < /dev/null',
  },
})

export const send: Command = writing('send', {
  summary: 'send the standard input to a channel, as one message',
  details: `It waits until a receiver takes the message, or the channel's buffer does. One that is ended before has sent nothing.`,
  examples: {
    'a word': 'echo hello | circuit send /X88550014d4c82e4d/this/is/charlie',
    'a file': 'circuit send /X88550014d4c82e4d/this/is/charlie < some_file',
  },
})
