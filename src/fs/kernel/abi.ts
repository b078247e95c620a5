/**
 * The FUSE kernel protocol: numbers and structures of include/uapi/linux/fuse.h, versions 7.31 to 7.45.
 * Everything is little-endian here as on all machines that Node runs on; offsets are in bytes.
 */

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
} as const

/** struct fuse_in_header. */
export const IN_HEADER = {
  size: 40,
  length: 0,
  opcode: 4,
  unique: 8,
  nodeid: 16,
  uid: 24,
  gid: 28,
  pid: 32,
} as const
/** struct fuse_out_header. */
export const OUT_HEADER = { size: 16, length: 0, error: 4, unique: 8 } as const

export const PROTOCOL_MAJOR = 7
export const OLDEST_MINOR = 31
export const NEWEST_MINOR = 45

/** Flags of struct fuse_init_in and _out; those from bit 32 on travel in flags2. */
export const INIT_FLAG = {
  ASYNC_READ: 0,
  ATOMIC_O_TRUNC: 3,
  BIG_WRITES: 5,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  PARALLEL_DIROPS: 18,
  ABORT_ERROR: 21,
  MAX_PAGES: 22,
  INIT_EXT: 30,
} as const

/** Flags of struct fuse_open_out. */
export const OPEN_FLAG = { DIRECT_IO: 1, NONSEEKABLE: 4, STREAM: 16, NOFLUSH: 32 } as const
/** Flags of struct fuse_read_in: the read comes with the id of its caller's table of files, so it is read(2). */
export const READ_LOCKOWNER = 2
/** Flags of struct fuse_poll_in. */
export const POLL_SCHEDULE_NOTIFY = 1

export const NOTIFY = { POLL: 1, INVAL_INODE: 2, INVAL_ENTRY: 3 } as const

/** Events of poll(2), asm-generic/poll.h. */
export const POLL = { IN: 0x1, OUT: 0x4, ERR: 0x8, HUP: 0x10, RDNORM: 0x40, WRNORM: 0x100 } as const

/** Flags of open(2), asm-generic/fcntl.h. */
export const O = {
  WRONLY: 0o1,
  RDWR: 0o2,
  ACCMODE: 0o3,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
} as const

/** Bits of access(2), fcntl.h. */
export const ACCESS = { EXECUTE: 1, WRITE: 2, READ: 4 } as const

/** Bits of st_mode and d_type: the type of a file, d_type is it shifted right by 12. */
export const FILE_TYPE = { directory: 0o040000, regular: 0o100000, link: 0o120000 } as const

/** Largest request but for its header: 256 pages, FUSE_MAX_MAX_PAGES. */
export const MAX_WRITE_BYTES = 1 << 20
/** What a read(2) of the device must have room for. */
export const REQUEST_BUFFER_BYTES = MAX_WRITE_BYTES + 4096

/** The root's node id. */
export const ROOT_NODE = 1
