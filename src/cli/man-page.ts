/** The manual page circuit(1), made from the tables of the commands; in the macros of man(7). */
import type { Command, Commands } from './command.ts'
import { optionHelp } from './options.ts'
import { type Paragraph, paragraphsOf } from './text.ts'
import { usageOf } from './usage.ts'

/** Options that every client has are told once. */
const CLIENT = 'ls'

const ENVIRONMENT: Readonly<Record<string, string>> = {
  CIRCUIT: 'A file with the URL of the server that clients dial.',
  CIRCUIT_DISCOVER: 'The multicast group in which servers and clients find servers, as 228.8.8.8:7711.',
  CIRCUIT_HMAC: "The file of the circuit's key.",
}

const STATUS: Readonly<Record<string, string>> = {
  '0': 'Done.',
  '1': 'Failed; one sentence on standard error says why.',
  '2': 'Wrong usage.',
  '141': 'Nobody reads the standard output any more.',
}

export async function manPage(commands: Commands, version: string): Promise<string> {
  const loaded = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => [name, await load()] as const),
  )
  const shared = loaded.find(([name]) => name === CLIENT)?.[1].options ?? {}
  const common = Object.fromEntries(Object.entries(shared).filter(([, { common }]) => common))
  return [
    `.TH CIRCUIT 1 "" "circuit ${version}" "User Commands"\n.ad l\n.nh`,
    '.SH NAME\ncircuit \\- a cluster as one tree of files',
    '.SH SYNOPSIS\n.B circuit\n.I COMMAND\n.RI [ OPTION ]\\&.\\|.\\|.\n.RI [ WORD ]\\&.\\|.\\|.',
    `.SH DESCRIPTION\n${paragraphsOf(DESCRIPTION).map(paragraph).join('\n')}`,
    `.SH COMMANDS\n${loaded.map(([name, command]) => section(name, command)).join('\n')}`,
    `.SH OPTIONS OF CLIENTS\nAll commands take these that dial a server.\n${options(common)}`,
    `.SH ENVIRONMENT\n${items(Object.entries(ENVIRONMENT))}`,
    `.SH EXIT STATUS\n${items(Object.entries(STATUS))}`,
    '.SH SEE ALSO\nThe file help in the mounted tree, and in each of its directories.\n',
  ].join('\n')
}

const DESCRIPTION = `A small server on every host mounts the same tree. A directory in it can hold a process, a channel, a nameserver or a subscription, which lives
on the host that its path names, and is used by reading and writing files.

The commands below do the same without a mount, through any server that can be reached. A path begins with a server:
/X88550014d4c82e4d/jobs, /by-name/web1/jobs, or /self/jobs for the server that is dialled.

Options stand behind the command. Long ones may be written with one dash, too.`

function section(name: string, command: Command): string {
  const own = Object.entries(command.options).filter(([, { common }]) => !common)
  const examples = Object.entries(command.examples).map(([does, script]) => code(`# ${does}\n${script}`))
  return [
    `.SS ${roff(usageOf(name, command))}`,
    roff(`${command.summary.charAt(0).toUpperCase()}${command.summary.slice(1)}.`),
    ...paragraphsOf(command.details ?? '').map(paragraph),
    ...(own.length > 0 ? [options(Object.fromEntries(own))] : []),
    ...examples,
  ].join('\n')
}

const options = (table: Command['options']): string => items(optionHelp(table))

const items = (entries: readonly (readonly [string, string])[]): string =>
  entries.map(([term, text]) => `.TP\n.B ${roff(term)}\n${roff(text)}`).join('\n')

const paragraph = ({ text, literal }: Paragraph): string => (literal ? code(text) : `.PP\n${roff(text)}`)

const code = (text: string): string => `.PP\n.RS 4\n.nf\n${text.split('\n').map(roff).join('\n')}\n.fi\n.RE`

/** Text as it stands: what would be a request, or an escape, or turned into a typographic character, is not. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('…', '\\&...')
    .replaceAll('·', '\\(pc')
    .replaceAll('\t', '    ')
    .replaceAll(/^(?=[.])/gm, '\\&')
