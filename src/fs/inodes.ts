/**
 * The nodes that the kernel knows: directories, links and special files, by the ids that it was given, for as long as it
 * remembers them.
 */
import type { FileType } from '../node/element/kind.ts'
import { reservedNames } from '../node/element/registry.ts'
import type { AnchorStat, LinkStat } from '../node/namespace.ts'
import { joinPath, splitPath } from '../proto/path.ts'
import { ROOT_NODE } from './kernel/abi.ts'

export interface DirectoryNode {
  readonly kind: 'directory'
  readonly node: number
  readonly inode: number
  readonly path: string
  readonly parent: DirectoryNode | undefined
  readonly name: string
  lookups: number
  /** Removed: who still has it open or stands in it finds nothing there. */
  gone: boolean
  /** Children that the kernel knows. */
  readonly children: Map<string, DirectoryNode | LinkNode>
  /** Read-only special files that the kernel knows. */
  readonly files: Map<string, FileNode>
}

export interface LinkNode {
  readonly kind: 'link'
  readonly node: number
  readonly inode: number
  readonly parent: DirectoryNode
  readonly name: string
  readonly target: string
  lookups: number
}

export interface FileNode {
  readonly kind: 'file'
  readonly node: number
  readonly inode: number
  readonly directory: DirectoryNode
  readonly name: string
  readonly type: FileType
  lookups: number
  /** Open files of it. */
  opens: number
}

export type Node = DirectoryNode | LinkNode | FileNode

/** Inode numbers: bits of an anchor's own id, and of its files' below it. */
const FILE_BITS = 6
const ANCHOR_BITS = 32
const fileNumbers: ReadonlyMap<string, number> = new Map(reservedNames().map((name, n) => [name, n + 1]))

export class Inodes {
  readonly #nodes = new Map<number, Node>()
  readonly #servers = new Map<string, number>()
  #last = ROOT_NODE
  readonly root: DirectoryNode

  constructor() {
    this.root = this.#makeDirectory(ROOT_NODE, ROOT_NODE, undefined, '', '/')
    this.root.lookups = 1
  }

  /** Nodes that the kernel remembers. */
  get size(): number {
    return this.#nodes.size
  }

  get(node: number): Node | undefined {
    return this.#nodes.get(node)
  }

  /** The node of an anchor, counted as looked up once more. */
  directory(parent: DirectoryNode, name: string, stat: AnchorStat): DirectoryNode {
    const path = joinPath(parent.path, name)
    const inode = this.directoryInode(path, stat)
    const known = parent.children.get(name)
    if (known?.kind === 'directory' && known.inode === inode) return counted(known)
    if (known?.kind === 'directory') known.gone = true
    const made = this.#makeDirectory(++this.#last, inode, parent, name, path)
    parent.children.set(name, made)
    return counted(made)
  }

  link(parent: DirectoryNode, name: string, stat: LinkStat): LinkNode {
    const known = parent.children.get(name)
    if (known?.kind === 'link' && known.target === stat.target) return counted(known)
    const node = ++this.#last
    const made: LinkNode = {
      kind: 'link',
      node,
      inode: this.linkInode(name),
      parent,
      name,
      target: stat.target,
      lookups: 0,
    }
    this.#nodes.set(node, made)
    parent.children.set(name, made)
    return counted(made)
  }

  /**
   * The node of a special file. One that can be written gets a fresh node at every lookup: a blocked writer holds
   * its inode's lock (fuse_direct_write_iter), and another writer on the same node would hang, unkillable.
   */
  file(directory: DirectoryNode, name: string, type: FileType): FileNode {
    const known = directory.files.get(name)
    if (known) return counted(known)
    const node = ++this.#last
    const made: FileNode = {
      kind: 'file',
      node,
      inode: this.fileInode(directory, name),
      directory,
      name,
      type,
      lookups: 0,
      opens: 0,
    }
    this.#nodes.set(node, made)
    if (type.access === 'read') directory.files.set(name, made)
    return counted(made)
  }

  /** An inode number that differs from all others in this mount: the server's, the anchor's, the file's bits. */
  directoryInode(path: string, stat: AnchorStat): number {
    const [server = ''] = splitPath(path)
    const number = this.#servers.get(server) ?? this.#servers.size + 1
    this.#servers.set(server, number)
    return (number * 2 ** ANCHOR_BITS + stat.id) * 2 ** FILE_BITS
  }

  fileInode(directory: DirectoryNode, name: string): number {
    return directory.inode + (fileNumbers.get(name) ?? 0)
  }

  /** Links are few: `self` and the names; they count down from the top of what a number holds exactly. */
  linkInode(name: string): number {
    let hash = 0
    for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 2 ** 31
    return Number.MAX_SAFE_INTEGER - hash
  }

  /** The kernel has forgotten a node so many times. */
  forget(node: number, count: number): void {
    const known = this.#nodes.get(node)
    if (known === undefined || known === this.root) return
    known.lookups -= count
    if (known.lookups > 0) return
    this.#nodes.delete(node)
    if (known.kind === 'file') {
      if (known.directory.files.get(known.name) === known) known.directory.files.delete(known.name)
    } else if (known.parent?.children.get(known.name) === known) {
      known.parent.children.delete(known.name)
    }
  }

  /** An anchor was removed: the node stays until the kernel forgets it, but means nothing any more. */
  removed(parent: DirectoryNode, name: string): void {
    const known = parent.children.get(name)
    if (known?.kind === 'directory') known.gone = true
    parent.children.delete(name)
  }

  #makeDirectory(
    node: number,
    inode: number,
    parent: DirectoryNode | undefined,
    name: string,
    path: string,
  ): DirectoryNode {
    const made: DirectoryNode = {
      kind: 'directory',
      node,
      inode,
      path,
      parent,
      name,
      lookups: 0,
      gone: false,
      children: new Map(),
      files: new Map(),
    }
    this.#nodes.set(node, made)
    return made
  }
}

function counted<N extends Node>(node: N): N {
  node.lookups++
  return node
}
