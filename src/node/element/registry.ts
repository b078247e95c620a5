/** All kinds of elements, and what follows from their tables. A new kind is one line here. */
import { channelKind } from './channel.ts'
import { containerKind } from './container.ts'
import type { FileType, Kind, MakerSpec } from './kind.ts'
import { nameserverKind } from './nameserver.ts'
import { processKind } from './process.ts'
import { serverKind } from './server.ts'
import { joinKind, leaveKind } from './subscription.ts'

const KINDS: readonly Kind[] = [
  processKind,
  containerKind,
  channelKind,
  nameserverKind,
  joinKind,
  leaveKind,
  serverKind,
]

/** The commands that make an element, by verb. */
export const makers: ReadonlyMap<string, MakerSpec> = new Map(
  KINDS.flatMap((kind) => Object.entries(kind.makers)),
)

const VERBS: ReadonlySet<string> = new Set([
  'scrub',
  ...makers.keys(),
  ...KINDS.flatMap((kind) => Object.keys(kind.verbs)),
])

/** Whether a word is a verb on some anchor. */
export const isVerb = (word: string): boolean => VERBS.has(word)

/** The files of every anchor, whatever it holds. local-tree.ts opens them. */
export const ANCHOR_FILES = {
  ctl: {
    access: 'both',
    nature: 'stream',
    patient: true,
    help: 'write commands here, one a line; a failing one fails the write',
  },
  error: {
    access: 'read',
    nature: 'text',
    help: 'the last command that failed here: when, who, what and why',
  },
  peek: {
    access: 'read',
    nature: 'text',
    help: 'the state of the element, as JSON; null where there is none',
  },
  help: { access: 'read', nature: 'text', help: 'this text' },
} as const satisfies Record<string, FileType>

/** The special files of every server's own anchor. */
export const SERVER_FILES: readonly string[] = [
  ...Object.keys(ANCHOR_FILES),
  ...Object.keys(serverKind.files),
]

export const SERVER_KIND: string = serverKind.name

export type AnchorFileName = keyof typeof ANCHOR_FILES

/** Every special file by name. A name means the same access and nature wherever it appears. */
const FILES: ReadonlyMap<string, FileType> = new Map(
  [ANCHOR_FILES, ...KINDS.map((kind) => kind.files)].flatMap((files) => Object.entries<FileType>(files)),
)

/** The special file of that name, if there is one: such a name is no anchor's. */
export const fileType = (name: string): FileType | undefined => FILES.get(name)

/** All names that are reserved for special files. */
export const reservedNames = (): string[] => [...FILES.keys()]
