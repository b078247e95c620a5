/**
 * What a kind of element is: its files, its verbs and the commands that make it, each with the words that
 * explain it. The mounted tree, the command parser, the help texts and (over the wire) every other view are
 * made from these tables; a new kind is one file and one line in registry.ts.
 */
import type { Command } from '../../proto/command.ts'
import { CircuitError } from '../../proto/errors.ts'
import type { Caller, Handle, OpenMode } from '../handle.ts'
import type { Host } from '../host.ts'

/** How a file behaves to a reader: `text` is made whole at open and can be seeked, a `stream` comes as it comes. */
export type Nature = 'text' | 'stream'

export interface FileType {
  readonly access: 'read' | 'write' | 'both'
  readonly nature: Nature
  /** Opening read-write is allowed though only reading does something (recv's `<>`). */
  readonly opensBoth?: boolean
  /** Writes run to their end in their own time: O_NONBLOCK does not turn them away. */
  readonly patient?: boolean
  /** Its handles can be delicate (handle.ts): each close must be told. */
  readonly delicate?: boolean
  readonly help: string
}

export interface FileSpec<E> extends FileType {
  /** @throws CircuitError when it can't be opened in this state */
  open(element: E, mode: OpenMode, caller: Caller): Handle
}

export interface VerbSpec<E> {
  /** The verb with its arguments, as help shows it. */
  readonly usage: string
  readonly help: string
  run(element: E, command: Command, host: Host): void | Promise<void>
}

/** What a maker gets to know. */
export interface Birth {
  readonly host: Host
  /** The path of the anchor that will hold the element. */
  readonly path: string
  /** Aborted when the writer of the command was interrupted: what was begun must be undone. */
  readonly signal: AbortSignal
  /** Takes the element off its anchor, as `scrub` does. */
  detach(): void
}

export interface MakerSpec {
  readonly usage: string
  readonly help: string
  /** @throws CircuitError, and leaves nothing behind, when it can't be made */
  make(command: Command, birth: Birth): Element | Promise<Element>
}

export interface Element {
  readonly kind: Kind
  /** While alive its anchor can't be removed. */
  readonly alive: boolean
  /** The state as `peek` shows it; must not block. A promise settles soon, whatever happens. */
  peek(): unknown
  /** It has been taken off its anchor: whoever is blocked on it is told. A promise settles when nothing of it is left. */
  scrub(): void | Promise<void>
}

export interface Kind<E = Element> {
  /** As `circuit ls -l` prints it. */
  readonly name: string
  readonly files: Readonly<Record<string, FileSpec<E>>>
  readonly verbs: Readonly<Record<string, VerbSpec<E>>>
  readonly makers: Readonly<Record<string, MakerSpec>>
}

/**
 * Checks a kind's tables against its own element type, then forgets that type: an element is only ever used
 * with the kind that it names itself.
 */
export function defineKind<E extends Element>(kind: Kind<E>): Kind {
  return kind as unknown as Kind
}

/** Refuses words that a verb does not take. */
export function expectWords(command: Command, usage: string, least: number, most = least): readonly string[] {
  if (command.fields !== undefined || command.words.length < least || command.words.length > most)
    throw new CircuitError('EINVAL', `${command.verb}: usage: ${usage}`)
  return command.words
}
