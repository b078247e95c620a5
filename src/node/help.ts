/** The help texts, made from the same tables as the parser and the views. */
import type { Anchor } from './anchors.ts'
import type { FileType } from './element/kind.ts'
import { ANCHOR_FILES, makers, reservedNames } from './element/registry.ts'

interface Verb {
  readonly usage: string
  readonly help: string
}

const SCRUB: Verb = {
  usage: 'scrub',
  help: 'take the element off this anchor; who is blocked on it gets "Operation canceled"',
}

function verbsOf({ element, parent }: Anchor): readonly Verb[] {
  if (element === undefined) return [...makers.values()]
  return [...Object.values(element.kind.verbs), ...(parent ? [SCRUB] : [])]
}

/** The verbs that are valid on an anchor now, one line each. */
export const verbsText = (anchor: Anchor): string =>
  verbsOf(anchor)
    .map(({ usage, help }) => `${usage}  # ${help}\n`)
    .join('')

const section = (title: string, lines: readonly string[]): string =>
  `${title}\n${lines.map((line) => `  ${line}\n`).join('')}\n`

const fileLine = ([name, { access, help }]: readonly [string, FileType]): string =>
  `${name.padEnd(8)} (${access === 'both' ? 'read, write' : access}) ${help}`

const verbLines = (verbs: readonly Verb[]): string[] =>
  verbs.flatMap(({ usage, help }) => [usage, `    ${help}`])

/** What an anchor is, its files and its verbs. */
export function anchorHelp(anchor: Anchor): string {
  const kind = anchor.element?.kind
  const what = kind ? `It holds a ${kind.name}.` : 'It is empty: write one of the commands below to its ctl.'
  return (
    `${anchor.path} is an anchor: a directory that can hold one element and any number of anchors.\n${what}\n\n` +
    section('Files', Object.entries<FileType>({ ...ANCHOR_FILES, ...kind?.files }).map(fileLine)) +
    section('Commands for ctl', verbLines(verbsOf(anchor))) +
    `Names of special files can't be names of anchors: ${reservedNames().join(' ')}\n`
  )
}

/** The help of the tree's root, for somebody who knows nothing of it. */
export const ROOT_HELP = `This is a circuit: all servers of a cluster as one tree of files.

  self             a link to this server's directory
  by-name/NAME     links to the servers by their names
  X…/              a server. Everything below it lives on its host.

A directory below a server is an anchor. mkdir makes one, rmdir removes it. An anchor can hold one element, a
process, a channel or a nameserver, which is made by writing a command to its file ctl, and used through the files
that then appear beside it. On any host, near or far, with any tool:

  mkdir self/hello                             make an anchor
  echo 'run date' > self/hello/ctl             run a program in it
  cat self/hello/stdout                        read its output
  cat self/hello/wait                          wait for its end, and read its status
  rmdir self/hello                             remove the anchor

  mkdir self/talk; echo mkchan > self/talk/ctl       make a channel
  cat self/talk/recv &                               receive a message
  echo hello > self/talk/send                        send one

A command that fails fails its write; the file error says why in words. Every anchor has a file help that
lists its files and its commands. peek shows an element's state. The server's log says who did what.
`
