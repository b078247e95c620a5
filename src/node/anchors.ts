/** This server's own anchors: a tree of names, each of which can hold an element. */
import { CircuitError } from '../proto/errors.ts'
import { checkName, joinPath } from '../proto/path.ts'
import type { Element } from './element/kind.ts'
import { ANCHOR_FILES, fileType } from './element/registry.ts'

const BASE_FILES: readonly string[] = Object.keys(ANCHOR_FILES)
const EMPTY: ReadonlyMap<string, Anchor> = new Map()

/** The last command that failed on an anchor, as `error` tells it. */
export interface Failure {
  readonly time: Date
  readonly who: string
  readonly command: string
  readonly reason: string
}

/** The first anchor of a server is its own. */
export const SERVER_ANCHOR_ID = 2

let lastId = SERVER_ANCHOR_ID - 1

export class Anchor {
  readonly id = ++lastId
  readonly name: string
  readonly parent: Anchor | undefined
  element: Element | undefined
  failure: Failure | undefined
  changed = Date.now()
  removed = false
  /** Held while a maker is at work, so that two can't fill the same anchor. */
  making = false
  #children: Map<string, Anchor> | undefined

  constructor(name: string, parent: Anchor | undefined) {
    this.name = name
    this.parent = parent
  }

  get path(): string {
    return this.parent ? joinPath(this.parent.path, this.name) : `/${this.name}`
  }

  get children(): ReadonlyMap<string, Anchor> {
    return this.#children ?? EMPTY
  }

  /** Names of the special files that are there now. */
  get files(): readonly string[] {
    return this.element ? filesOf(this.element) : BASE_FILES
  }

  /** @throws CircuitError EEXIST, EINVAL, ENAMETOOLONG */
  add(name: string): Anchor {
    checkName(name)
    if (fileType(name))
      throw new CircuitError('EEXIST', `${name} is the name of a special file; an anchor needs another one`)
    if (this.children.has(name)) throw new CircuitError('EEXIST', `${joinPath(this.path, name)} exists`)
    const child = new Anchor(name, this)
    this.#children ??= new Map()
    this.#children.set(name, child)
    this.changed = Date.now()
    return child
  }

  /** A promise settles when nothing of its element is left. @throws CircuitError ENOTEMPTY, EBUSY, ENOENT */
  delete(name: string): void | Promise<void> {
    const child = this.children.get(name)
    if (child === undefined)
      throw new CircuitError('ENOENT', `there is no anchor ${joinPath(this.path, name)}`)
    if (child.children.size > 0)
      throw new CircuitError('ENOTEMPTY', `${child.path} has child anchors; remove these first`)
    if (child.making || child.element?.alive)
      throw new CircuitError(
        'EBUSY',
        `the element of ${child.path} is alive: end it, or write scrub to its ctl, first`,
      )
    this.#children?.delete(name)
    this.changed = Date.now()
    child.removed = true
    const { element } = child
    child.element = undefined
    return element?.scrub()
  }
}

const filesByKind = new Map<unknown, readonly string[]>()

function filesOf(element: Element): readonly string[] {
  const known = filesByKind.get(element.kind) ?? [...BASE_FILES, ...Object.keys(element.kind.files)]
  filesByKind.set(element.kind, known)
  return known
}
