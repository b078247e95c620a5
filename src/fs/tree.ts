/** The tree as the kernel sees it: requests for nodes become calls on a namespace. */
import type { FileType } from '../node/element/kind.ts'
import { fileType } from '../node/element/registry.ts'
import type { Handle, OpenMode } from '../node/handle.ts'
import {
  type AnchorStat,
  type LinkStat,
  type Namespace,
  type Soon,
  type Stat,
  when,
} from '../node/namespace.ts'
import { CircuitError } from '../proto/errors.ts'
import { encodeName, joinPath, splitPath } from '../proto/path.ts'
import { OpenDirectory } from './directory.ts'
import { type DirectoryNode, type FileNode, Inodes, type LinkNode, type Node } from './inodes.ts'
import { ACCESS, O, POLL_SCHEDULE_NOTIFY } from './kernel/abi.ts'
import type { Attributes, Entry } from './kernel/codec.ts'
import type { Request } from './kernel/request.ts'
import type { Filesystem, ReadRequest, WriteRequest } from './kernel/session.ts'
import { OpenFile } from './special.ts'

/** Whose the files are, and who may use them. */
export interface Ownership {
  readonly uid: number
  readonly gid: number
  /** Members of the group may do what the owner may. */
  readonly group: boolean
}

export interface TreeOptions {
  readonly owner: Ownership
  /** Wakes those who poll a file. */
  readonly notifyPoll: (kernelHandle: number) => void
  /** Makes the kernel forget a node's attributes, and not remember those in answers that are under way. */
  readonly forgetAttributes: (node: number) => void
  /** Whether all that is to be known of a path changes only through this mount, or it is told: the kernel may remember it. */
  readonly isOwn: (path: string) => boolean
}

/** For how long the kernel may remember what changes only through it, in seconds. */
const REMEMBERED_SECONDS = 86_400
/** What a lookup says the size of a readable file is; stat says 0. Without it sendfile(2) would not even try to read. */
const LOOKUP_SIZE = 4096

/** An open special file and the node it was opened by. */
interface Opened {
  readonly file: OpenFile
  readonly node: FileNode
}

export class Tree implements Filesystem {
  readonly #namespace: Namespace
  readonly #options: TreeOptions
  readonly #inodes = new Inodes()
  readonly #files = new Map<number, Opened>()
  readonly #directories = new Map<number, OpenDirectory>()
  /** The time that special files bear. */
  readonly #born = Date.now()
  #lastHandle = 0

  constructor(namespace: Namespace, options: TreeOptions) {
    this.#namespace = namespace
    this.#options = options
  }

  /** Files that are open now. */
  get openFiles(): number {
    return this.#files.size
  }

  /** Nodes that the kernel remembers. */
  get nodes(): number {
    return this.#inodes.size
  }

  /** Whether the kernel remembers a node, or soon will. */
  remembers(node: number): boolean {
    return this.#inodes.get(node) !== undefined
  }

  /** An anchor was made or removed by others: what the kernel has of it, if it knows its parent, is out of date. */
  invalidated(path: string): { readonly parent: number; readonly name: Buffer } | undefined {
    const names = splitPath(path)
    const name = names.pop() ?? ''
    let parent: Node | undefined = this.#inodes.root
    for (const step of names) parent = parent?.kind === 'directory' ? parent.children.get(step) : undefined
    if (parent?.kind !== 'directory') return undefined
    this.#inodes.removed(parent, name)
    return { parent: parent.node, name: encodeName(name) }
  }

  /** A server has come or gone. Who stands in one that is lost stands there still when it is back. */
  serverChanged(id: string): { readonly parent: number; readonly name: Buffer } {
    return { parent: this.#inodes.root.node, name: encodeName(id) }
  }

  lookup(request: Request, parent: number, name: string): void {
    const directory = this.#directory(parent)
    const type = fileType(name)
    if (type) return this.#lookupFile(request, directory, name, type)
    answer(request, () =>
      when(this.#namespace.stat(joinPath(directory.path, name)), (stat) =>
        request.entry(this.#entry(directory, name, stat)),
      ),
    )
  }

  #lookupFile(request: Request, directory: DirectoryNode, name: string, type: FileType): void {
    answer(request, () =>
      when(this.#statDirectory(directory), (stat) => {
        if (!stat.files.includes(name)) throw new CircuitError('ENOENT')
        const node = this.#inodes.file(directory, name, type)
        const written = type.access === 'write'
        request.entry({
          node: node.node,
          attributes: this.#fileAttributes(node, written ? 0 : LOOKUP_SIZE),
          nameSeconds: 0,
          attributeSeconds: written ? REMEMBERED_SECONDS : 0,
        })
      }),
    )
  }

  forget(node: number, count: number): void {
    this.#inodes.forget(node, count)
  }

  getattr(request: Request, node: number, handle?: number): void {
    const known = this.#node(node)
    const opened = handle === undefined ? undefined : this.#files.get(handle)
    if (known.kind === 'file' && opened) {
      // Asked by tail(1), which then reads backwards from there.
      return opened.file.seekEnd(request, (size) => request.attributes(this.#fileAttributes(known, size), 0))
    }
    if (known.kind === 'file') {
      // Python's shutil asks fstat(2) before it tries sendfile(2): the size of the lookup must stay.
      if (known.opens > 0 && known.type.access !== 'write') this.#options.forgetAttributes(node)
      return request.attributes(this.#fileAttributes(known, 0), 0)
    }
    if (known.kind === 'link') return request.attributes(this.#linkAttributes(known), 0)
    answer(request, () =>
      when(this.#statDirectory(known), (stat) =>
        request.attributes(this.#directoryAttributes(known.inode, stat), this.#seconds(known.path)),
      ),
    )
  }

  /** chmod, chown, utimes and truncate succeed and change nothing: tools do them blindly. */
  setattr(request: Request, node: number): void {
    this.getattr(request, node)
  }

  readlink(request: Request, node: number): void {
    const known = this.#node(node)
    if (known.kind !== 'link') throw new CircuitError('EINVAL')
    request.data(Buffer.from(known.target))
  }

  mkdir(request: Request, parent: number, name: string): void {
    answer(request, async () => {
      const directory = this.#directory(parent)
      const path = joinPath(directory.path, name)
      await this.#namespace.make(path, request.caller)
      this.#options.forgetAttributes(parent)
      request.entry(this.#entry(directory, name, await this.#namespace.stat(path)))
    })
  }

  rmdir(request: Request, parent: number, name: string): void {
    answer(request, async () => {
      const directory = this.#directory(parent)
      await this.#namespace.remove(joinPath(directory.path, name), request.caller)
      this.#inodes.removed(directory, name)
      this.#options.forgetAttributes(parent)
      request.ok()
    })
  }

  open(request: Request, node: number, flags: number): void {
    const known = this.#node(node)
    if (known.kind !== 'file') throw new CircuitError('EISDIR')
    if (known.directory.gone) throw new CircuitError('ENOENT')
    const mode = openMode(flags)
    answer(request, () =>
      when(this.#namespace.open(known.directory.path, known.name, mode, request.caller), (handle) =>
        this.#opened(request, known, mode, handle),
      ),
    )
  }

  #opened(request: Request, node: FileNode, mode: OpenMode, handle: Handle): void {
    const file = new OpenFile(handle, node.type, mode, this.#options.notifyPoll)
    const number = ++this.#lastHandle
    this.#files.set(number, { file, node })
    node.opens++
    if (request.opened(number, file.flags)) return
    // Nobody has it: its close must not do what a user's close does.
    file.abandon()
    this.#close(number)
  }

  read(request: Request, read: ReadRequest): void {
    this.#file(read.handle).read(request, read)
  }

  write(request: Request, write: WriteRequest): void {
    this.#file(write.handle).write(request, write)
  }

  flush(request: Request, handle: number, owner: number): void {
    this.#file(handle).flush(request, owner)
  }

  release(request: Request, handle: number): void {
    this.#close(handle)
    request.ok()
  }

  #close(handle: number): void {
    const opened = this.#files.get(handle)
    if (opened === undefined) return
    this.#files.delete(handle)
    opened.node.opens--
    opened.file.close()
  }

  poll(request: Request, handle: number, kernelHandle: number, flags: number): void {
    this.#file(handle).poll(request, kernelHandle, (flags & POLL_SCHEDULE_NOTIFY) !== 0)
  }

  /** Not asked when the kernel checks modes itself; root may do anything then. */
  access(request: Request, node: number, mask: number): void {
    const known = this.#node(node)
    if (known.kind === 'file' && (mask & ~accessBits(known.type)) !== 0) throw new CircuitError('EACCES')
    request.ok()
  }

  opendir(request: Request, node: number): void {
    const directory = new OpenDirectory(this.#directory(node), this.#inodes)
    const number = ++this.#lastHandle
    this.#directories.set(number, directory)
    if (!request.opened(number, 0)) this.#directories.delete(number)
  }

  readdir(request: Request, handle: number, offset: number, size: number, plus: boolean): void {
    answer(request, async () => {
      const open = this.#directories.get(handle)
      if (open === undefined) throw new CircuitError('EBADF')
      const { node } = open
      if (offset === 0) open.fill(node.gone ? [] : await this.#namespace.list(node.path))
      const entryOf = (name: string, stat: AnchorStat): Entry => this.#entry(node, name, stat)
      request.data(open.read(offset, size, plus ? entryOf : undefined))
    })
  }

  releasedir(request: Request, handle: number): void {
    this.#directories.delete(handle)
    request.ok()
  }

  #node(node: number): Node {
    const known = this.#inodes.get(node)
    if (known === undefined) throw new CircuitError('ENOENT')
    return known
  }

  #directory(node: number): DirectoryNode {
    const known = this.#node(node)
    if (known.kind !== 'directory') throw new CircuitError('ENOTDIR')
    if (known.gone) throw new CircuitError('ENOENT', `${known.path} has been removed`)
    return known
  }

  #file(handle: number): OpenFile {
    const opened = this.#files.get(handle)
    if (opened === undefined) throw new CircuitError('EBADF')
    return opened.file
  }

  #statDirectory(directory: DirectoryNode): Soon<AnchorStat> {
    if (directory.gone) throw new CircuitError('ENOENT')
    return when(this.#namespace.stat(directory.path), (stat) => {
      if (stat.kind !== 'anchor') throw new CircuitError('ENOENT')
      return stat
    })
  }

  #entry(parent: DirectoryNode, name: string, stat: Stat): Entry {
    if (stat.kind === 'link') return this.#linkEntry(parent, name, stat)
    const { node, inode, path } = this.#inodes.directory(parent, name, stat)
    const seconds = this.#seconds(path)
    return {
      node,
      attributes: this.#directoryAttributes(inode, stat),
      nameSeconds: seconds,
      attributeSeconds: seconds,
    }
  }

  #linkEntry(parent: DirectoryNode, name: string, stat: LinkStat): Entry {
    const link = this.#inodes.link(parent, name, stat)
    return { node: link.node, attributes: this.#linkAttributes(link), nameSeconds: 0, attributeSeconds: 0 }
  }

  #seconds(path: string): number {
    return this.#options.isOwn(path) ? REMEMBERED_SECONDS : 0
  }

  #directoryAttributes(inode: number, stat: AnchorStat): Attributes {
    const { uid, gid, group } = this.#options.owner
    return {
      inode,
      type: 'directory',
      mode: group ? 0o770 : 0o700,
      // One link says that their number is not known: find(1) then looks.
      links: stat.children === undefined ? 1 : stat.children + 2,
      size: 0,
      changed: stat.changed,
      uid,
      gid,
    }
  }

  #linkAttributes({ inode, target }: LinkNode): Attributes {
    const { uid, gid } = this.#options.owner
    return { inode, type: 'link', mode: 0o777, links: 1, size: target.length, changed: this.#born, uid, gid }
  }

  #fileAttributes({ inode, type }: FileNode, size: number): Attributes {
    const { uid, gid, group } = this.#options.owner
    return {
      inode,
      type: 'regular',
      mode: accessBits(type) * (group ? 0o110 : 0o100),
      links: 1,
      size,
      changed: this.#born,
      uid,
      gid,
    }
  }
}

/** What can be done with a special file, as bits of access(2). */
function accessBits({ access, opensBoth }: FileType): number {
  if (access === 'both' || opensBoth) return ACCESS.READ | ACCESS.WRITE
  return access === 'read' ? ACCESS.READ : ACCESS.WRITE
}

/** Runs the work of a request; what it throws is the answer. */
function answer(request: Request, work: () => Soon<void>): void {
  const fail = (thrown: unknown): void => {
    if (request.error(thrown).code === 'EPROTO') console.error('circuit: internal error:', thrown)
  }
  try {
    const pending = work()
    if (pending instanceof Promise) pending.catch(fail)
  } catch (thrown) {
    fail(thrown)
  }
}

const openMode = (flags: number): OpenMode => ({
  read: (flags & O.ACCMODE) !== O.WRONLY,
  write: (flags & O.ACCMODE) !== 0,
  append: (flags & O.APPEND) !== 0,
  truncate: (flags & O.TRUNC) !== 0,
})
