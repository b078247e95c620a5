/** An open directory: its entries as they were when it was opened or rewound. */
import { fileType } from '../node/element/registry.ts'
import type { AnchorStat, Listed, Stat } from '../node/namespace.ts'
import { encodeName } from '../proto/path.ts'
import type { DirectoryNode, Inodes } from './inodes.ts'
import { DIRENT_NAME, direntBytes, ENTRY_BYTES, type Entry, writeDirent, writeEntry } from './kernel/codec.ts'

/** Longest run of entries in one reply, in bytes, whatever the kernel has room for. */
const MAX_REPLY_BYTES = 1 << 18

interface Named {
  readonly name: string
  readonly inode: number
  readonly type: 'directory' | 'regular' | 'link'
  readonly stat?: Stat
}

export class OpenDirectory {
  readonly node: DirectoryNode
  readonly #inodes: Inodes
  #entries: readonly Named[] = []

  constructor(node: DirectoryNode, inodes: Inodes) {
    this.node = node
    this.#inodes = inodes
  }

  fill(listed: readonly Listed[]): void {
    const { node } = this
    const own: Named[] = [
      { name: '.', inode: node.inode, type: 'directory' },
      { name: '..', inode: (node.parent ?? node).inode, type: 'directory' },
    ]
    this.#entries = [...own, ...listed.map((child) => this.#named(child))]
  }

  #named({ name, stat }: Listed): Named {
    if (stat === undefined) return { name, inode: this.#inodes.fileInode(this.node, name), type: 'regular' }
    if (stat.kind === 'link') return { name, inode: this.#inodes.linkInode(name), type: 'link', stat }
    return {
      name,
      inode: this.#inodes.directoryInode(`${this.node.path}/${name}`, stat),
      type: 'directory',
      stat,
    }
  }

  /**
   * Entries from an offset on, as many as fit. With `entryOf` each anchor comes with what a lookup would say of it, and
   * counts as looked up.
   */
  read(
    offset: number,
    size: number,
    entryOf: ((name: string, stat: AnchorStat) => Entry) | undefined,
  ): Buffer {
    const out = Buffer.alloc(Math.min(size, MAX_REPLY_BYTES))
    const view = new DataView(out.buffer, out.byteOffset, out.length)
    let used = 0
    for (let at = offset; at < this.#entries.length; at++) {
      const entry = this.#entries[at]
      if (entry === undefined) break
      const name = encodeName(entry.name)
      const bytes = direntBytes(name, entryOf !== undefined)
      if (used + bytes > out.length) break
      // Left empty, the kernel remembers nothing: special files are looked up when they are used.
      if (entryOf && isAnchor(entry)) writeEntry(view, entryOf(entry.name, entry.stat), used)
      const dirent = used + (entryOf ? ENTRY_BYTES : 0)
      writeDirent(
        view,
        { inode: entry.inode, type: entry.type, nameLength: name.length, next: at + 1 },
        dirent,
      )
      out.set(name, dirent + DIRENT_NAME)
      used += bytes
    }
    return out.subarray(0, used)
  }
}

const isAnchor = (entry: Named): entry is Named & { readonly stat: AnchorStat } =>
  entry.stat?.kind === 'anchor' && fileType(entry.name) === undefined
