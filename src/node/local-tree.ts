/** This server's own tree as a namespace: its anchors, their files and their elements. */
import { CircuitError } from '../proto/errors.ts'
import { checkName, checkPath, joinPath, splitPath } from '../proto/path.ts'
import { Anchor } from './anchors.ts'
import { ControlHandle } from './control.ts'
import type { Element, FileType } from './element/kind.ts'
import { ANCHOR_FILES, type AnchorFileName, fileType } from './element/registry.ts'
import { ServerElement } from './element/server.ts'
import { type Caller, ComingText, type Handle, type OpenMode, TextHandle } from './handle.ts'
import { anchorHelp } from './help.ts'
import type { Host } from './host.ts'
import type { AnchorStat, Listed, Namespace } from './namespace.ts'

/** Paths that are remembered. */
const MAX_FOUND = 1024

export class LocalTree implements Namespace {
  readonly #host: Host
  readonly #root: Anchor
  /** Anchors by the path that they were found by last: a node's path is asked for again and again. */
  readonly #found = new Map<string, Anchor>()

  constructor(host: Host) {
    this.#host = host
    this.#root = new Anchor(host.id, undefined)
    this.#root.element = new ServerElement(host)
  }

  stat(path: string): AnchorStat {
    return statOf(this.#find(path))
  }

  async list(path: string): Promise<readonly Listed[]> {
    const { files, children } = this.#find(path)
    const listed: Listed[] = files.map((name) => ({ name }))
    for (const [name, child] of children) listed.push({ name, stat: statOf(child) })
    return listed
  }

  async make(path: string, who: Caller): Promise<void> {
    const { parent, name } = this.#split(path)
    this.#logged('make', path, who, () => {
      checkPath(path)
      this.#find(parent).add(name)
    })
    if (who.peer !== undefined) await this.#host.changedByOthers(path)
  }

  async remove(path: string, who: Caller): Promise<void> {
    const { parent, name } = this.#split(path)
    await this.#logged('remove', path, who, () => this.#find(parent).delete(name))
    if (who.peer !== undefined) await this.#host.changedByOthers(path)
  }

  open(path: string, file: string, mode: OpenMode, who: Caller): Handle {
    const anchor = this.#find(path)
    const type = fileType(file)
    if (type === undefined || !anchor.files.includes(file))
      throw new CircuitError('ENOENT', `there is no file ${joinPath(path, file)} now`)
    const full = joinPath(path, file)
    if (isAnchorFile(file)) {
      checkAccess(full, type, mode)
      return this.#openOwn(anchor, file, who)
    }
    const spec = anchor.element?.kind.files[file]
    if (spec === undefined || anchor.element === undefined) throw new CircuitError('ENOENT')
    const { element } = anchor
    return this.#logged(mode.write && !type.opensBoth ? 'open to write' : 'open to read', full, who, () => {
      checkAccess(full, type, mode)
      return spec.open(element, mode, who)
    })
  }

  /** Anchors in the tree, and elements on them. A walk over all of them. */
  count(): { anchors: number; elements: Record<string, number> } {
    const elements: Record<string, number> = {}
    let anchors = 0
    for (const waiting = [this.#root]; waiting.length > 0; ) {
      const anchor = waiting.pop()
      if (anchor === undefined) break
      anchors++
      const kind = anchor.element?.kind.name
      if (kind) elements[kind] = (elements[kind] ?? 0) + 1
      for (const child of anchor.children.values()) waiting.push(child)
    }
    return { anchors, elements }
  }

  #openOwn(anchor: Anchor, file: AnchorFileName, who: Caller): Handle {
    switch (file) {
      case 'ctl':
        return new ControlHandle(anchor, this.#host, who)
      case 'error':
        return new TextHandle(failureText(anchor))
      case 'peek':
        return peek(anchor.element)
      case 'help':
        return new TextHandle(anchorHelp(anchor))
    }
  }

  #find(path: string): Anchor {
    const known = this.#found.get(path)
    if (known && !known.removed) return known
    const anchor = this.#walk(path)
    if (this.#found.size >= MAX_FOUND) this.#found.clear()
    this.#found.set(path, anchor)
    return anchor
  }

  #walk(path: string): Anchor {
    const [server, ...names] = splitPath(path)
    if (server !== this.#root.name) throw new CircuitError('ENOENT', `${path} is not on this server`)
    let anchor = this.#root
    for (const name of names) {
      const child = anchor.children.get(name)
      if (child === undefined) {
        checkName(name)
        throw fileType(name)
          ? new CircuitError('ENOTDIR', `${joinPath(anchor.path, name)} is a file`)
          : new CircuitError('ENOENT', `there is no anchor ${joinPath(anchor.path, name)}`)
      }
      anchor = child
    }
    return anchor
  }

  #split(path: string): { parent: string; name: string } {
    const names = splitPath(path)
    const name = names.pop() ?? ''
    if (names.length === 0) throw new CircuitError('EPERM', `${path}: servers come and go by themselves`)
    return { parent: `/${names.join('/')}`, name }
  }

  #logged<T>(operation: string, path: string, who: Caller, work: () => T): T {
    try {
      const result = work()
      this.#host.log.add({ operation, path, who, outcome: 'ok' })
      return result
    } catch (error) {
      const outcome = error instanceof CircuitError ? `${error.code} ${error.message}` : String(error)
      this.#host.log.add({ operation, path, who, outcome })
      throw error
    }
  }
}

const statOf = ({ id, files, element, changed, children }: Anchor): AnchorStat => ({
  kind: 'anchor',
  id,
  files,
  element: element?.kind.name,
  changed,
  children: children.size,
})

/** A snapshot taken now, or asked for now. */
function peek(element: Element | undefined): Handle {
  const state = element?.peek() ?? null
  const text = (known: unknown): string => `${JSON.stringify(known, null, '\t')}\n`
  return state instanceof Promise ? new ComingText(state.then(text)) : new TextHandle(text(state))
}

const isAnchorFile = (name: string): name is AnchorFileName => Object.hasOwn(ANCHOR_FILES, name)

function checkAccess(path: string, type: FileType, mode: OpenMode): void {
  const readable = type.access !== 'write'
  const writable = type.access !== 'read'
  if (mode.read && !readable) throw new CircuitError('EACCES', `${path} can only be written`)
  if (mode.write && !writable && !type.opensBoth) throw new CircuitError('EACCES', `${path} can only be read`)
  if (mode.write && !writable && !mode.read) throw new CircuitError('EACCES', `${path} can only be read`)
}

function failureText({ failure }: Anchor): string {
  if (failure === undefined) return ''
  const { time, who, command, reason } = failure
  return `${time.toISOString()} ${who}: ${command || '(not understood)'}: ${reason}\n`
}
