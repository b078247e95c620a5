/**
 * The structures of include/uapi/linux/fuse.h as the kernel writes and reads them, for tests: written down a second
 * time, and not taken from src, so that a wrong offset there shows.
 */

/** A structure: `name:bytes` for each field, in order. */
type Layout = string

const ATTR =
  'ino:8 size:8 blocks:8 atime:8 mtime:8 ctime:8 atimensec:4 mtimensec:4 ctimensec:4 mode:4 nlink:4 uid:4 gid:4 rdev:4 blksize:4 flags:4'

export const IN_HEADER: Layout = 'len:4 opcode:4 unique:8 nodeid:8 uid:4 gid:4 pid:4 total_extlen:2 padding:2'
export const OUT_HEADER: Layout = 'len:4 error:4 unique:8'
export const ENTRY_OUT: Layout = `nodeid:8 generation:8 entry_valid:8 attr_valid:8 entry_valid_nsec:4 attr_valid_nsec:4 ${ATTR}`
export const ATTR_OUT: Layout = `attr_valid:8 attr_valid_nsec:4 dummy:4 ${ATTR}`
export const DIRENT: Layout = 'ino:8 off:8 namelen:4 type:4'
export const FORGET_ONE: Layout = 'nodeid:8 nlookup:8'

/** What a request has behind its header: a structure, then names (each with its NUL) or raw data. */
export interface RequestShape {
  readonly opcode: number
  readonly body: Layout
  /** How many names follow, or that data does, whose length is the field `size`. */
  readonly tail?: 1 | 2 | 'data'
  /** The kind of its reply; no body where it is left out; `none`: it has no reply. */
  readonly reply?: ReplyKind | 'none'
}

/** Replies that are nothing but a structure, and those that are not. */
type StructureKind = 'ENTRY' | 'ATTR' | 'OPEN' | 'WRITTEN' | 'POLL' | 'STATFS' | 'INIT'
export type ReplyKind = StructureKind | 'DATA' | 'DIRENTS' | 'DIRENTS_PLUS'

const FH: Layout = 'fh:8 unused:4 padding:4 lock_owner:8'
const IO: Layout = 'fh:8 offset:8 size:4 read_flags:4 lock_owner:8 flags:4 padding:4'
const OPEN_IN: Layout = 'flags:4 open_flags:4'

export const REQUESTS: Readonly<Record<string, RequestShape>> = {
  LOOKUP: { opcode: 1, body: '', tail: 1, reply: 'ENTRY' },
  FORGET: { opcode: 2, body: 'nlookup:8', reply: 'none' },
  GETATTR: { opcode: 3, body: 'getattr_flags:4 dummy:4 fh:8', reply: 'ATTR' },
  SETATTR: {
    opcode: 4,
    body: 'valid:4 padding:4 fh:8 size:8 lock_owner:8 atime:8 mtime:8 ctime:8 atimensec:4 mtimensec:4 ctimensec:4 mode:4 unused4:4 uid:4 gid:4 unused5:4',
    reply: 'ATTR',
  },
  READLINK: { opcode: 5, body: '', reply: 'DATA' },
  SYMLINK: { opcode: 6, body: '', tail: 2, reply: 'ENTRY' },
  MKNOD: { opcode: 8, body: 'mode:4 rdev:4 umask:4 padding:4', tail: 1, reply: 'ENTRY' },
  MKDIR: { opcode: 9, body: 'mode:4 umask:4', tail: 1, reply: 'ENTRY' },
  UNLINK: { opcode: 10, body: '', tail: 1 },
  RMDIR: { opcode: 11, body: '', tail: 1 },
  RENAME: { opcode: 12, body: 'newdir:8', tail: 2 },
  LINK: { opcode: 13, body: 'oldnodeid:8', tail: 1, reply: 'ENTRY' },
  OPEN: { opcode: 14, body: OPEN_IN, reply: 'OPEN' },
  READ: { opcode: 15, body: IO, reply: 'DATA' },
  WRITE: {
    opcode: 16,
    body: 'fh:8 offset:8 size:4 write_flags:4 lock_owner:8 flags:4 padding:4',
    tail: 'data',
    reply: 'WRITTEN',
  },
  STATFS: { opcode: 17, body: '', reply: 'STATFS' },
  RELEASE: { opcode: 18, body: 'fh:8 flags:4 release_flags:4 lock_owner:8' },
  FSYNC: { opcode: 20, body: 'fh:8 fsync_flags:4 padding:4' },
  SETXATTR: { opcode: 21, body: 'size:4 flags:4', tail: 2 },
  GETXATTR: { opcode: 22, body: 'size:4 padding:4', tail: 1, reply: 'DATA' },
  LISTXATTR: { opcode: 23, body: 'size:4 padding:4', reply: 'DATA' },
  FLUSH: { opcode: 25, body: FH },
  INIT: {
    opcode: 26,
    body: 'major:4 minor:4 max_readahead:4 flags:4 flags2:4 u0:8 u1:8 u2:8 u3:8 u4:8 u5:4',
    reply: 'INIT',
  },
  OPENDIR: { opcode: 27, body: OPEN_IN, reply: 'OPEN' },
  READDIR: { opcode: 28, body: IO, reply: 'DIRENTS' },
  RELEASEDIR: { opcode: 29, body: 'fh:8 flags:4 release_flags:4 lock_owner:8' },
  FSYNCDIR: { opcode: 30, body: 'fh:8 fsync_flags:4 padding:4' },
  GETLK: { opcode: 31, body: 'fh:8 owner:8 start:8 end:8 type:4 pid:4 lk_flags:4 padding:4' },
  ACCESS: { opcode: 34, body: 'mask:4 padding:4' },
  CREATE: { opcode: 35, body: 'flags:4 mode:4 umask:4 open_flags:4', tail: 1 },
  INTERRUPT: { opcode: 36, body: 'unique:8', reply: 'none' },
  BMAP: { opcode: 37, body: 'block:8 blocksize:4 padding:4' },
  DESTROY: { opcode: 38, body: '' },
  IOCTL: { opcode: 39, body: 'fh:8 flags:4 cmd:4 arg:8 in_size:4 out_size:4' },
  POLL: { opcode: 40, body: 'fh:8 kh:8 flags:4 events:4', reply: 'POLL' },
  NOTIFY_REPLY: { opcode: 41, body: 'dummy1:8 offset:8 size:4 dummy2:4 dummy3:8 dummy4:8', reply: 'none' },
  BATCH_FORGET: { opcode: 42, body: 'count:4 dummy:4', tail: 'data', reply: 'none' },
  FALLOCATE: { opcode: 43, body: 'fh:8 offset:8 length:8 mode:4 padding:4' },
  READDIRPLUS: { opcode: 44, body: IO, reply: 'DIRENTS_PLUS' },
  RENAME2: { opcode: 45, body: 'newdir:8 flags:4 padding:4', tail: 2 },
  LSEEK: { opcode: 46, body: 'fh:8 offset:8 whence:4 padding:4' },
  COPY_FILE_RANGE: { opcode: 47, body: 'fh_in:8 off_in:8 nodeid_out:8 fh_out:8 off_out:8 len:8 flags:8' },
  STATX: {
    opcode: 52,
    body: 'getattr_flags:4 reserved:4 fh:8 sx_flags:4 sx_mask:4',
  },
}

export const REPLIES: Readonly<Record<StructureKind, Layout>> = {
  ENTRY: ENTRY_OUT,
  ATTR: ATTR_OUT,
  OPEN: 'fh:8 open_flags:4 backing_id:4',
  WRITTEN: 'size:4 padding:4',
  POLL: 'revents:4 padding:4',
  STATFS: 'blocks:8 bfree:8 bavail:8 files:8 ffree:8 bsize:4 namelen:4 frsize:4 padding:4 s0:8 s1:8 s2:8',
  INIT: 'major:4 minor:4 max_readahead:4 flags:4 max_background:2 congestion_threshold:2 max_write:4 time_gran:4 max_pages:2 map_alignment:2 flags2:4 max_stack_depth:4 request_timeout:2 u0:2 u1:8 u2:8 u3:4',
}

/** Notifications by the code in their header's `error`. */
export const NOTIFICATIONS: Readonly<Record<number, { readonly name: string; readonly body: Layout }>> = {
  1: { name: 'NOTIFY_POLL', body: 'kh:8' },
  2: { name: 'NOTIFY_INVAL_INODE', body: 'ino:8 off:8 len:8' },
  3: { name: 'NOTIFY_INVAL_ENTRY', body: 'parent:8 namelen:4 flags:4' },
}

type Values = Readonly<Record<string, bigint>>

const fieldsOf = (layout: Layout): [string, number][] =>
  layout
    .split(' ')
    .filter(Boolean)
    .map((field) => {
      const [name = '', bytes] = field.split(':')
      return [name, Number(bytes)]
    })

export const sizeOf = (layout: Layout): number =>
  fieldsOf(layout).reduce((size, [, bytes]) => size + bytes, 0)

/** A structure's bytes; fields that are left out are 0. @throws Error for a field that it doesn't have */
export function pack(layout: Layout, values: Values): Buffer {
  const fields = fieldsOf(layout)
  const unknown = Object.keys(values).find((name) => !fields.some(([field]) => field === name))
  if (unknown !== undefined) throw new Error(`there is no field ${unknown} in ${layout}`)
  const out = Buffer.alloc(sizeOf(layout))
  let at = 0
  for (const [name, bytes] of fields) {
    const value = BigInt.asUintN(bytes * 8, values[name] ?? 0n)
    if (bytes === 8) out.writeBigUInt64LE(value, at)
    else out.writeUIntLE(Number(value), at, bytes)
    at += bytes
  }
  return out
}

/** A structure's fields by name. @throws RangeError when the bytes are too few */
export function unpack(layout: Layout, bytes: Buffer): Record<string, bigint> {
  const values: Record<string, bigint> = {}
  let at = 0
  for (const [name, size] of fieldsOf(layout)) {
    values[name] = size === 8 ? bytes.readBigUInt64LE(at) : BigInt(bytes.readUIntLE(at, size))
    at += size
  }
  return values
}

export interface RequestParts {
  readonly unique: bigint
  /** Fields of the header. */
  readonly header?: Values
  readonly body?: Values
  readonly tail?: readonly Uint8Array[]
}

/** A request as the kernel sends it. `shape` may be of an opcode that nobody knows. */
export function packRequest(shape: RequestShape, { unique, header, body, tail = [] }: RequestParts): Buffer {
  const data = shape.tail === 'data' ? Buffer.concat(tail) : undefined
  const names = data ? [] : tail.flatMap((name) => [name, Buffer.of(0)])
  const size = data && /\bsize:/.test(shape.body) ? { size: BigInt(data.length) } : {}
  const behind = Buffer.concat([pack(shape.body, { ...size, ...body }), ...(data ? [data] : names)])
  const len = BigInt(sizeOf(IN_HEADER) + behind.length)
  return Buffer.concat([pack(IN_HEADER, { ...header, len, opcode: BigInt(shape.opcode), unique }), behind])
}
