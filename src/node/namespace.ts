/**
 * The seam: the tree as a thing with five operations. This server's own tree is one namespace, another server's
 * over the wire is one, and the whole circuit, which sends each path where it belongs, is one.
 */
import type { Caller, Handle, OpenMode } from './handle.ts'

/** What a path names, other than a special file. */
export type Stat = AnchorStat | LinkStat

export interface AnchorStat {
  readonly kind: 'anchor'
  /** An identity that no other anchor of its server ever has. */
  readonly id: number
  /** Names of the special files that are there now. */
  readonly files: readonly string[]
  /** The kind of its element, as `circuit ls -l` prints it; undefined where it holds none. */
  readonly element: string | undefined
  /** When its children last changed, in ms since 1970. */
  readonly changed: number
  /** Child anchors: what stat(2) counts as links, less two; undefined where it is not known without asking. */
  readonly children: number | undefined
}

export interface LinkStat {
  readonly kind: 'link'
  readonly target: string
}

/** A child as a listing has it; special files come without a stat. */
export interface Listed {
  readonly name: string
  readonly stat?: Stat
}

/**
 * An answer that is there at once or will come. This server's own tree answers at once what every lookup asks, and is
 * not made to wait: a promise would cost as much as the answer.
 */
export type Soon<T> = T | Promise<T>

/** Uses an answer as soon as it is there. */
export const when = <T, R>(answer: Soon<T>, use: (value: T) => R): Soon<R> =>
  answer instanceof Promise ? answer.then(use) : use(answer)

/** Paths are absolute, from the root of the circuit. All throw CircuitError. */
export interface Namespace {
  /** @throws ENOENT, ENOTDIR */
  stat(path: string): Soon<Stat>
  /** The children of an anchor: its special files, links and anchors. */
  list(path: string): Promise<readonly Listed[]>
  /** Makes an anchor; its parent must exist. @throws EEXIST, ENOENT, EPERM, ENAMETOOLONG */
  make(path: string, who: Caller): Promise<void>
  /** Removes an anchor. @throws ENOTEMPTY, EBUSY, ENOENT, EPERM */
  remove(path: string, who: Caller): Promise<void>
  /** Opens a special file. @throws ENOENT, EACCES, and what the file says */
  open(path: string, file: string, mode: OpenMode, who: Caller): Soon<Handle>
}
