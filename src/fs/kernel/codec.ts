/** Reads requests out of, and writes replies into, the structures of abi.ts. Pure. */
import { FILE_TYPE, INIT_FLAG, MAX_WRITE_BYTES, NEWEST_MINOR, OLDEST_MINOR, PROTOCOL_MAJOR } from './abi.ts'

/** What a node looks like to stat(2). Times in ms since 1970. */
export interface Attributes {
  readonly inode: number
  readonly type: keyof typeof FILE_TYPE
  /** Permission bits. */
  readonly mode: number
  readonly links: number
  readonly size: number
  readonly changed: number
  readonly uid: number
  readonly gid: number
}

/** A node as an answer to a lookup. Times in seconds for which the kernel may keep name and attributes. */
export interface Entry {
  readonly node: number
  readonly attributes: Attributes
  readonly nameSeconds: number
  readonly attributeSeconds: number
}

export const ATTR_BYTES = 88
export const ENTRY_BYTES = 40 + ATTR_BYTES
export const ATTR_OUT_BYTES = 16 + ATTR_BYTES

/** Reads a u64 that is known to be small, an id of ours or a size, as a number. */
export const readU64 = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32

/** Writes a number from 0 to 2^53 - 1 as a u64. */
export function writeU64(out: DataView, value: number, at: number): void {
  out.setUint32(at, value, true)
  out.setUint32(at + 4, value / 2 ** 32, true)
}

/** The bytes up to a NUL: a name in a request. Undefined if there is no NUL. */
export function readName(bytes: Buffer, from: number): Buffer | undefined {
  const end = bytes.indexOf(0, from)
  return end < 0 ? undefined : bytes.subarray(from, end)
}

/** struct fuse_attr. */
export function writeAttributes(out: DataView, attributes: Attributes, at: number): void {
  const seconds = Math.floor(attributes.changed / 1000)
  const nanoseconds = Math.floor(attributes.changed % 1000) * 1e6
  writeU64(out, attributes.inode, at)
  writeU64(out, attributes.size, at + 8)
  writeU64(out, Math.ceil(attributes.size / 512), at + 16)
  for (const time of [24, 32, 40]) writeU64(out, seconds, at + time)
  for (const time of [48, 52, 56]) out.setUint32(at + time, nanoseconds, true)
  out.setUint32(at + 60, FILE_TYPE[attributes.type] | attributes.mode, true)
  out.setUint32(at + 64, attributes.links, true)
  out.setUint32(at + 68, attributes.uid, true)
  out.setUint32(at + 72, attributes.gid, true)
  out.setUint32(at + 76, 0, true)
  out.setUint32(at + 80, 4096, true)
  out.setUint32(at + 84, 0, true)
}

/** struct fuse_entry_out. Node 0: nothing there, or nothing to be remembered. */
export function writeEntry(out: DataView, entry: Entry, at: number): void {
  writeU64(out, entry.node, at)
  writeU64(out, 0, at + 8)
  writeU64(out, entry.nameSeconds, at + 16)
  writeU64(out, entry.attributeSeconds, at + 24)
  writeU64(out, 0, at + 32)
  writeAttributes(out, entry.attributes, at + 40)
}

/** struct fuse_attr_out. */
export function writeAttrOut(out: DataView, attributes: Attributes, seconds: number, at: number): void {
  writeU64(out, seconds, at)
  writeU64(out, 0, at + 8)
  writeAttributes(out, attributes, at + 16)
}

/** Where the name is in a struct fuse_dirent. */
export const DIRENT_NAME = 24

/** Size of a struct fuse_dirent, or fuse_direntplus where `plus`, with its padding. */
export const direntBytes = (name: Uint8Array, plus: boolean): number =>
  ((plus ? ENTRY_BYTES : 0) + DIRENT_NAME + name.length + 7) & ~7

/** struct fuse_dirent, but for the name. `next` is the offset at which reading goes on behind it. */
export function writeDirent(
  out: DataView,
  dirent: {
    readonly inode: number
    readonly type: keyof typeof FILE_TYPE
    readonly nameLength: number
    readonly next: number
  },
  at: number,
): void {
  writeU64(out, dirent.inode, at)
  writeU64(out, dirent.next, at + 8)
  out.setUint32(at + 16, dirent.nameLength, true)
  out.setUint32(at + 20, FILE_TYPE[dirent.type] >> 12, true)
}

/** What the kernel offers in struct fuse_init_in. */
export interface Offer {
  readonly major: number
  readonly minor: number
  readonly readahead: number
  readonly flags: bigint
}

export function readInit(body: Buffer): Offer {
  const high = body.length >= 20 ? BigInt(body.readUInt32LE(16)) : 0n
  return {
    major: body.readUInt32LE(0),
    minor: body.readUInt32LE(4),
    readahead: body.readUInt32LE(8),
    flags: (high << 32n) | BigInt(body.readUInt32LE(12)),
  }
}

/** What we want of what the kernel offers. */
const WANTED = Object.values(INIT_FLAG).reduce((flags, bit) => flags | (1n << BigInt(bit)), 0n)
/** Requests that the kernel may send without waiting: releases, mostly. */
const MAX_BACKGROUND = 1024

/** struct fuse_init_out, or undefined when the kernel is too old. */
export function initReply(offer: Offer): Buffer | undefined {
  if (offer.major !== PROTOCOL_MAJOR || offer.minor < OLDEST_MINOR) return undefined
  const flags = WANTED & offer.flags
  const out = Buffer.alloc(64)
  out.writeUInt32LE(PROTOCOL_MAJOR, 0)
  out.writeUInt32LE(Math.min(offer.minor, NEWEST_MINOR), 4)
  out.writeUInt32LE(offer.readahead, 8)
  out.writeUInt32LE(Number(flags & 0xffffffffn), 12)
  out.writeUInt16LE(MAX_BACKGROUND, 16)
  out.writeUInt16LE((MAX_BACKGROUND * 3) / 4, 18)
  out.writeUInt32LE(MAX_WRITE_BYTES, 20)
  out.writeUInt32LE(1, 24)
  out.writeUInt16LE(MAX_WRITE_BYTES / 4096, 28)
  out.writeUInt32LE(Number(flags >> 32n), 32)
  return out
}
