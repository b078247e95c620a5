/** What the kernel remembers of a tree is forgotten when it is told to: on a real mount of a very small filesystem. */
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Attributes } from '../../../src/fs/kernel/codec.ts'
import { FuseDevice } from '../../../src/fs/kernel/device.ts'
import { mount, unmount } from '../../../src/fs/kernel/mount.ts'
import type { ReaderKind } from '../../../src/fs/kernel/reader.ts'
import type { Request } from '../../../src/fs/kernel/request.ts'
import { type Filesystem, Session } from '../../../src/fs/kernel/session.ts'
import { noMount, runShell, until } from '../../server.ts'

const ROOT = 1
const FILE = 2
const FOREVER = 86_400

const attributes = (inode: number, type: Attributes['type'], size: number): Attributes => ({
  inode,
  type,
  mode: 0o700,
  links: 1,
  size,
  changed: 0,
  uid: 0,
  gid: 0,
})

/** A directory with one file of any name but `new`, remembered for ever. A mkdir in it waits to be answered. */
class OneFile implements Filesystem {
  lookups = 0
  getattrs = 0
  size = 1
  readonly mkdirs: Request[] = []

  lookup(request: Request, _parent: number, name: string): void {
    if (name === 'new') return request.fail('ENOENT')
    this.lookups++
    const entry = { node: FILE, attributes: attributes(FILE, 'regular', this.size) }
    request.entry({ ...entry, nameSeconds: FOREVER, attributeSeconds: FOREVER })
  }

  getattr(request: Request, node: number): void {
    if (node === FILE) this.getattrs++
    const found = node === ROOT ? attributes(ROOT, 'directory', 0) : attributes(FILE, 'regular', this.size)
    request.attributes(found, FOREVER)
  }

  mkdir(request: Request): void {
    this.mkdirs.push(request)
  }

  forget(): void {}

  readonly #no = (request: Request): void => request.fail('ENOSYS')
  setattr = this.#no
  readlink = this.#no
  rmdir = this.#no
  open = this.#no
  read = this.#no
  write = this.#no
  flush = this.#no
  release = this.#no
  opendir = this.#no
  readdir = this.#no
  releasedir = this.#no
  poll = this.#no
  access = this.#no
}

interface Mounted {
  readonly session: Session
  readonly files: OneFile
  /** Asks for the sizes of files in it. */
  stat(...names: string[]): Promise<string>
  sh(script: string): ReturnType<typeof runShell>
}

function mountOneFile(t: Test, kind: ReaderKind): Mounted {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-one-'))
  const files = new OneFile()
  const session = new Session(new FuseDevice(mount({ directory, shared: false }), kind), files)
  t.teardown(async () => {
    for (const request of files.mkdirs) request.fail('EPERM')
    await unmount(directory)
    await session.ended
    rmdirSync(directory)
  })
  const sh = (script: string) => runShell(script, { env: { D: directory } })
  return {
    session,
    files,
    sh,
    stat: async (...names) =>
      (await sh(`cd $D && stat -c %s ${names.join(' ')}`)).stdout.replaceAll('\n', ' '),
  }
}

for (const kind of ['epoll', 'pool'] as const) {
  t.test(`names and attributes, with the reader ${kind}`, { skip: noMount }, async (t) => {
    const { session, files, stat } = mountOneFile(t, kind)
    t.equal(await stat('a', 'a', 'b'), '1 1 1 ')
    t.equal(files.lookups, 2, 'a name that was looked up is remembered')
    files.size = 2
    t.equal(await stat('a'), '1 ', 'and so is what it is')

    t.ok(session.invalidateAttributes(FILE))
    t.equal(await stat('a', 'b'), '2 2 ')
    t.equal(files.lookups, 2)
    t.equal(files.getattrs, 1, 'asked for again, once')

    await session.invalidateName(ROOT, Buffer.from('a'))
    t.equal(await stat('a', 'b', 'a'), '2 2 2 ')
    t.equal(files.lookups, 3, 'one name is looked up again')

    await session.invalidateName(ROOT, Buffer.from('nobody asked'))
    await session.invalidateName(99, Buffer.from('a'))
    t.notOk(session.invalidateAttributes(99), 'what the kernel does not know is nothing to forget')
  })

  t.test(`while a mkdir is outstanding, with the reader ${kind}`, { skip: noMount }, async (t) => {
    const { session, files, stat, sh } = mountOneFile(t, kind)
    t.equal(await stat('a', 'b'), '1 1 ')
    const mkdir = sh('mkdir $D/new')
    await until(() => files.mkdirs.length === 1)
    // The kernel holds the lock of the directory, for which these wait: more than the pool has threads.
    let done = 0
    const names = ['a', ...Array.from({ length: 8 }, (_, n) => `x${n}`), 'b']
    const invalidated = names.map((name) =>
      session.invalidateName(ROOT, Buffer.from(name)).then(() => done++),
    )
    for (const size of [2, 3, 4]) {
      session.invalidateAttributes(FILE)
      files.size = size
      t.equal(await stat('a', 'b'), `${size} ${size} `, 'requests are read and answered meanwhile')
    }
    t.equal(done, 0, 'they wait')
    files.mkdirs.pop()?.fail('EPERM')
    t.match(await mkdir, { status: 1, stderr: 'Operation not permitted' })
    await Promise.all(invalidated)
    const { lookups } = files
    t.equal(await stat('a', 'b'), '4 4 ')
    t.equal(files.lookups, lookups + 2, 'and are done when it is')
  })
}
