/**
 * What floorfs.c serves, served by our kernel layer: the session and its codec with nothing behind them. It measures
 * what src/fs/kernel costs where no file of ours is comparable.
 *
 *   node dist/bench/layer.js MOUNTPOINT      stays until SIGTERM; says "mounted" on stderr
 */
import { writeSync } from 'node:fs'
import { onStopSignal } from '../src/cli/signals.ts'
import { OPEN_FLAG } from '../src/fs/kernel/abi.ts'
import type { Attributes } from '../src/fs/kernel/codec.ts'
import { FuseDevice } from '../src/fs/kernel/device.ts'
import { mount, unmount } from '../src/fs/kernel/mount.ts'
import type { Request } from '../src/fs/kernel/request.ts'
import { type Filesystem, type ReadRequest, Session, type WriteRequest } from '../src/fs/kernel/session.ts'

const ROOT = 1
const SMALL = 2
const SINK = 3
const ZERO = 4
const NODES: ReadonlyMap<string, number> = new Map([
  ['small', SMALL],
  ['sink', SINK],
  ['zero', ZERO],
])
const SMALL_TEXT = Buffer.from(`${'s'.repeat(99)}\n`)
const ZEROS = Buffer.alloc(1 << 20)
const NOTHING = Buffer.alloc(0)

const attributesOf = (node: number): Attributes => ({
  inode: node,
  type: node === ROOT ? 'directory' : 'regular',
  mode: node === ROOT ? 0o755 : 0o644,
  links: node === ROOT ? 2 : 1,
  size: node === SMALL ? SMALL_TEXT.length : 0,
  changed: 0,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
})

/** The open file's handle is its node. */
class LayerFiles implements Filesystem {
  lookup(request: Request, _parent: number, name: string): void {
    const node = NODES.get(name)
    if (node === undefined) return request.fail('ENOENT')
    request.entry({ node, attributes: attributesOf(node), nameSeconds: 0, attributeSeconds: 0 })
  }

  forget(): void {}

  getattr(request: Request, node: number): void {
    request.attributes(attributesOf(node), 0)
  }

  setattr(request: Request, node: number): void {
    this.getattr(request, node)
  }

  open(request: Request, node: number): void {
    request.opened(node, OPEN_FLAG.DIRECT_IO)
  }

  read(request: Request, { handle, offset, size }: ReadRequest): void {
    if (handle === ZERO) request.data(size === ZEROS.length ? ZEROS : ZEROS.subarray(0, size))
    else request.data(handle === SMALL ? SMALL_TEXT.subarray(offset, offset + size) : NOTHING)
  }

  write(request: Request, { handle, bytes }: WriteRequest): void {
    if (handle === SINK) request.written(bytes.length)
    else request.fail('EPERM')
  }

  flush(request: Request): void {
    request.ok()
  }

  release(request: Request): void {
    request.ok()
  }

  access(request: Request): void {
    request.ok()
  }

  readonly #none = (request: Request): void => request.fail('ENOSYS')
  readonly readlink = this.#none
  readonly mkdir = this.#none
  readonly rmdir = this.#none
  readonly opendir = this.#none
  readonly readdir = this.#none
  readonly releasedir = this.#none
  readonly poll = this.#none
}

const [, , directory = ''] = process.argv
const session = new Session(new FuseDevice(await mount({ directory, shared: false })), new LayerFiles())
onStopSignal(() => void unmount(directory))
writeSync(2, 'mounted\n')
await session.ended
process.exit(0)
