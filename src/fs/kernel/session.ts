/**
 * One mount's conversation with the kernel: takes requests apart, calls the filesystem, sends its replies, and
 * passes interrupts and notifications on. What a file or a directory is it does not know.
 */
import type { ErrorCode } from '../../proto/errors.ts'
import { decodeName } from '../../proto/path.ts'
import { IN_HEADER, NOTIFY, OPCODE, OUT_HEADER, READ_LOCKOWNER } from './abi.ts'
import { initReply, readInit, readName, readU64, writeU64 } from './codec.ts'
import type { Device } from './device.ts'
import { Numbering } from './numbering.ts'
import type { ReaderKind } from './reader.ts'
import { Replies } from './replies.ts'
import { type Replier, Request } from './request.ts'

/** What a filesystem does with requests; every method answers its request, at once or later. */
export interface Filesystem {
  lookup(request: Request, parent: number, name: string): void
  /** The kernel has forgotten a node `count` times. Not answered. */
  forget(node: number, count: number): void
  /** With an open file by lseek(2) to its end, without one by stat(2) and fstat(2). */
  getattr(request: Request, node: number, handle?: number): void
  setattr(request: Request, node: number): void
  readlink(request: Request, node: number): void
  mkdir(request: Request, parent: number, name: string): void
  rmdir(request: Request, parent: number, name: string): void
  open(request: Request, node: number, flags: number): void
  read(request: Request, read: ReadRequest): void
  write(request: Request, write: WriteRequest): void
  /** `owner` tells tables of open files, and so processes, apart. */
  flush(request: Request, handle: number, owner: number): void
  release(request: Request, handle: number): void
  opendir(request: Request, node: number): void
  readdir(request: Request, handle: number, offset: number, size: number, plus: boolean): void
  releasedir(request: Request, handle: number): void
  poll(request: Request, handle: number, kernelHandle: number, flags: number): void
  /** `mask` has the bits of access(2). */
  access(request: Request, node: number, mask: number): void
}

export interface ReadRequest {
  readonly handle: number
  readonly offset: number
  readonly size: number
  readonly owner: number
  readonly flags: number
  /** Made for the page cache, by sendfile(2) or a mapping, and not by a read(2). */
  readonly cached: boolean
}

export interface WriteRequest {
  readonly handle: number
  /** Valid until the method returns. */
  readonly bytes: Buffer
  readonly owner: number
  readonly flags: number
}

/** Operations that this tree does not have, and what they are answered with, once for those the kernel remembers. */
const UNSUPPORTED: Readonly<Partial<Record<number, ErrorCode>>> = {
  [OPCODE.SYMLINK]: 'EPERM',
  [OPCODE.MKNOD]: 'EPERM',
  [OPCODE.UNLINK]: 'EPERM',
  [OPCODE.RENAME]: 'EPERM',
  [OPCODE.RENAME2]: 'EPERM',
  [OPCODE.LINK]: 'EPERM',
  [OPCODE.CREATE]: 'EPERM',
  [OPCODE.IOCTL]: 'ENOTTY',
  [OPCODE.FALLOCATE]: 'EOPNOTSUPP',
}

export class Session implements Replier {
  readonly #device: Device
  readonly #filesystem: Filesystem
  readonly numbering = new Numbering()
  readonly #parked = new Map<number, Request>()
  readonly #polls = new Set<number>()
  #requests = 0
  #minor = 0
  #end: (error?: Error) => void = () => {}
  /** Settles when the filesystem has been unmounted, or can't be served any more, with the reason. */
  readonly ended: Promise<Error | undefined>
  /** How requests are read. */
  readonly reader: ReaderKind
  readonly replies: Replies

  constructor(device: Device, filesystem: Filesystem) {
    this.#device = device
    this.replies = new Replies(device)
    this.#filesystem = filesystem
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.reader = device.listen({
      onRequest: (request) => this.dispatch(request),
      onEnd: (error) => this.#end(error),
    })
  }

  /** Requests served. */
  get requests(): number {
    return this.#requests
  }

  /** Requests that wait for an answer. */
  get waiting(): number {
    return this.#parked.size
  }

  /** Minor version of the protocol that was agreed on. */
  get minor(): number {
    return this.#minor
  }

  /** Ends every call that is blocked, as a signal would. */
  interruptAll(): void {
    for (const request of [...this.#parked.values()]) request.interrupt()
  }

  /** Wakes who polls the file; gathered, so that a burst of changes is one notification. */
  notifyPoll(kernelHandle: number): void {
    if (this.#polls.size === 0) setImmediate(() => this.#sendPolls())
    this.#polls.add(kernelHandle)
  }

  #sendPolls(): void {
    for (const kernelHandle of this.#polls) {
      const { out, bytes } = notification(NOTIFY.POLL, 8)
      writeU64(out, kernelHandle, OUT_HEADER.size)
      this.#device.send(bytes, bytes.length)
    }
    this.#polls.clear()
  }

  /**
   * Makes the kernel forget a name in a directory; settles when it has. Not synchronous: the kernel waits for the
   * directory's lock, and its holder may wait for us (fuse_reverse_inval_entry).
   */
  invalidateName(parent: number, name: Uint8Array): Promise<void> {
    const { out, bytes } = notification(NOTIFY.INVAL_ENTRY, 16 + name.length + 1)
    writeU64(out, parent, OUT_HEADER.size)
    out.setUint32(OUT_HEADER.size + 8, name.length, true)
    bytes.set(name, OUT_HEADER.size + 16)
    return this.#device.sendLater(bytes)
  }

  /**
   * Makes the kernel forget a node's attributes, and not remember those in answers that are under way: an answer older
   * than an invalidation is only passed on to who asked (fuse_change_attributes_i). False when it has no such node, or
   * not yet.
   */
  invalidateAttributes(node: number): boolean {
    const { out, bytes } = notification(NOTIFY.INVAL_INODE, 24)
    writeU64(out, node, OUT_HEADER.size)
    // An offset below zero: attributes only.
    out.setBigInt64(OUT_HEADER.size + 8, -1n, true)
    return this.#device.send(bytes, bytes.length)
  }

  park(request: Request): void {
    this.#parked.set(request.unique, request)
  }

  unpark(request: Request): void {
    this.#parked.delete(request.unique)
  }

  /** Serves one request. Whatever it contains, it is answered, unless it is of a kind that has no answer. */
  dispatch(bytes: Buffer): void {
    this.#requests++
    if (bytes.length < IN_HEADER.size) return
    const opcode = bytes.readUInt32LE(IN_HEADER.opcode)
    const unique = readU64(bytes, IN_HEADER.unique)
    this.numbering.came(unique)
    const request = new Request(
      this,
      unique,
      bytes.readUInt32LE(IN_HEADER.uid),
      bytes.readUInt32LE(IN_HEADER.gid),
      bytes.readUInt32LE(IN_HEADER.pid),
    )
    try {
      this.#serve(opcode, request, readU64(bytes, IN_HEADER.nodeid), bytes)
    } catch (thrown) {
      if (!isAnswered(opcode)) return
      if (thrown instanceof RangeError) request.fail('EINVAL')
      else if (request.error(thrown).code === 'EPROTO') console.error('circuit: internal error:', thrown)
    }
  }

  #serve(opcode: number, request: Request, node: number, bytes: Buffer): void {
    const filesystem = this.#filesystem
    switch (opcode) {
      case OPCODE.INIT:
        return this.#init(request, bytes.subarray(BODY))
      case OPCODE.LOOKUP:
        return filesystem.lookup(request, node, name(bytes, BODY))
      case OPCODE.FORGET:
        return filesystem.forget(node, readU64(bytes, BODY))
      case OPCODE.BATCH_FORGET:
        return this.#forgetMany(bytes.subarray(BODY))
      case OPCODE.GETATTR:
        return filesystem.getattr(request, node, readOpenFile(bytes))
      case OPCODE.SETATTR:
        return filesystem.setattr(request, node)
      case OPCODE.READLINK:
        return filesystem.readlink(request, node)
      case OPCODE.MKDIR:
        return filesystem.mkdir(request, node, name(bytes, BODY + 8))
      case OPCODE.RMDIR:
        return filesystem.rmdir(request, node, name(bytes, BODY))
      case OPCODE.OPEN:
        return filesystem.open(request, node, bytes.readUInt32LE(BODY))
      case OPCODE.READ:
        return filesystem.read(request, readRead(bytes))
      case OPCODE.WRITE:
        return filesystem.write(request, readWrite(bytes))
      case OPCODE.FLUSH:
        return filesystem.flush(request, readU64(bytes, BODY), readOwner(bytes, BODY + 16))
      case OPCODE.RELEASE:
        return filesystem.release(request, readU64(bytes, BODY))
      case OPCODE.OPENDIR:
        return filesystem.opendir(request, node)
      case OPCODE.READDIR:
      case OPCODE.READDIRPLUS:
        return filesystem.readdir(
          request,
          readU64(bytes, BODY),
          readU64(bytes, BODY + 8),
          bytes.readUInt32LE(BODY + 16),
          opcode === OPCODE.READDIRPLUS,
        )
      case OPCODE.RELEASEDIR:
        return filesystem.releasedir(request, readU64(bytes, BODY))
      case OPCODE.POLL:
        return filesystem.poll(
          request,
          readU64(bytes, BODY),
          readU64(bytes, BODY + 8),
          bytes.readUInt32LE(BODY + 16),
        )
      case OPCODE.ACCESS:
        return filesystem.access(request, node, bytes.readUInt32LE(BODY))
      case OPCODE.INTERRUPT:
        // A request that is not parked has been answered.
        return this.#parked.get(readU64(bytes, BODY))?.interrupt()
      case OPCODE.STATFS:
        return void request.data(STATFS)
      case OPCODE.FSYNC:
      case OPCODE.FSYNCDIR:
      case OPCODE.DESTROY:
        return request.ok()
      case OPCODE.NOTIFY_REPLY:
        return
      default:
        return request.fail(UNSUPPORTED[opcode] ?? 'ENOSYS')
    }
  }

  #init(request: Request, body: Buffer): void {
    const offer = readInit(body)
    const reply = initReply(offer)
    if (reply) {
      this.#minor = reply.readUInt32LE(4)
      request.data(reply)
      return
    }
    request.fail('EPROTO')
    const { major, minor } = offer
    this.#end(
      new Error(`the kernel speaks FUSE ${major}.${minor}; 7.31 (Linux 5.4) is the oldest that will do`),
    )
  }

  #forgetMany(body: Buffer): void {
    const count = Math.min(body.readUInt32LE(0), Math.floor((body.length - 8) / 16))
    for (let at = 8, n = 0; n < count; n++, at += 16)
      this.#filesystem.forget(readU64(body, at), readU64(body, at + 8))
  }
}

/** Where the body of a request begins. */
const BODY = IN_HEADER.size

const isAnswered = (opcode: number): boolean =>
  opcode !== OPCODE.FORGET &&
  opcode !== OPCODE.BATCH_FORGET &&
  opcode !== OPCODE.INTERRUPT &&
  opcode !== OPCODE.NOTIFY_REPLY

function name(bytes: Buffer, from: number): string {
  const found = readName(bytes, from)
  if (found === undefined) throw new RangeError('a name without its end')
  return decodeName(found)
}

/** A lock owner is a scrambled pointer of 64 bits; 53 of them tell owners apart well enough. */
const readOwner = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at) + (bytes.readUInt32LE(at + 4) & 0x1fffff) * 2 ** 32

/** struct fuse_getattr_in: the open file, where there is one (FUSE_GETATTR_FH). */
const readOpenFile = (bytes: Buffer): number | undefined =>
  (bytes.readUInt32LE(BODY) & 1) === 0 ? undefined : readU64(bytes, BODY + 8)

/** struct fuse_read_in. */
const readRead = (bytes: Buffer): ReadRequest => ({
  handle: readU64(bytes, BODY),
  offset: readU64(bytes, BODY + 8),
  size: bytes.readUInt32LE(BODY + 16),
  owner: readOwner(bytes, BODY + 24),
  flags: bytes.readUInt32LE(BODY + 32),
  cached: (bytes.readUInt32LE(BODY + 20) & READ_LOCKOWNER) === 0,
})

/** struct fuse_write_in, 40 bytes, and the data. */
const readWrite = (bytes: Buffer): WriteRequest => ({
  handle: readU64(bytes, BODY),
  bytes: bytes.subarray(BODY + 40, BODY + 40 + bytes.readUInt32LE(BODY + 16)),
  owner: readOwner(bytes, BODY + 24),
  flags: bytes.readUInt32LE(BODY + 32),
})

/** A message that answers nothing, to be filled in behind its header. */
function notification(code: number, length: number): { out: DataView; bytes: Uint8Array } {
  const bytes = new Uint8Array(OUT_HEADER.size + length)
  const out = new DataView(bytes.buffer)
  out.setUint32(OUT_HEADER.length, bytes.length, true)
  out.setInt32(OUT_HEADER.error, code, true)
  return { out, bytes }
}

/** struct fuse_kstatfs: no blocks, names of up to 255 bytes. */
const STATFS = Buffer.alloc(80)
STATFS.writeUInt32LE(4096, 40)
STATFS.writeUInt32LE(255, 44)
STATFS.writeUInt32LE(4096, 48)
