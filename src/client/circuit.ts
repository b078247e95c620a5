/** A circuit as a client sees it, through one of its servers. */
import { type Caller, type Handle, type OpenMode, TextHandle } from '../node/handle.ts'
import type { Listed, Namespace, Soon, Stat } from '../node/namespace.ts'
import type { Key } from '../node/peer/key.ts'
import { RemoteTree } from '../node/peer/remote.ts'
import { defaultKeys } from '../node/runtime.ts'
import { asCircuitError, CircuitError } from '../proto/errors.ts'
import { isServerId, joinPath, splitLast, splitPath } from '../proto/path.ts'
import { abortable } from './abort.ts'
import { dialFirst, FIND_MS } from './dial.ts'
import { findSource } from './find.ts'
import { Link } from './link.ts'
import { type CallOptions, OpenFile, type Owner } from './open-file.ts'

export interface ConnectOptions extends CallOptions {
  /**
   * The server to dial; otherwise one that answers in the multicast group `discover`, one that multicast DNS knows where
   * `mdns` says so, the one in the file that CIRCUIT names, one that answers in the group CIRCUIT_DISCOVER, or one of this user on
   * this host.
   */
  readonly url?: string | undefined
  /** A multicast group to call out to, as 228.8.8.8:7711. */
  readonly discover?: string | undefined
  /** Ask multicast DNS for `_circuit._tcp`. */
  readonly mdns?: boolean | undefined
  /** Keys of the circuit, of which the first is used; none: plaintext. Default: from CIRCUIT_HMAC, or this user's own. */
  readonly keys?: readonly Key[] | undefined
  /** For how long a server is looked for, in ms. Default 3000. */
  readonly timeout?: number | undefined
}

/** A server of the circuit. */
export interface ServerEntry {
  /** X and 16 hexadecimal digits. */
  readonly id: string
  /** What by-name calls it; its id where another server has the name. */
  readonly name: string
  readonly path: string
}

/** What an anchor holds. */
export interface Entry {
  readonly name: string
  readonly path: string
  readonly type: 'anchor' | 'file' | 'link'
  /** Of an anchor: the kind of its element, as proc or chan; undefined where it holds none. */
  readonly element: string | undefined
  /** Of an anchor: how many are in it; undefined where that is not known without asking. */
  readonly children: number | undefined
  /** Of a link: where it leads. */
  readonly target: string | undefined
}

/** As fopen(3) has them: read; write all of it (`>`); write a part (`>>`); read and write (`<>`). */
export type Mode = 'r' | 'w' | 'a' | 'r+'

const MODES: Readonly<Record<Mode, OpenMode>> = {
  r: { read: true, write: false, append: false, truncate: false },
  w: { read: false, write: true, append: false, truncate: true },
  a: { read: false, write: true, append: true, truncate: false },
  'r+': { read: true, write: true, append: false, truncate: false },
}

const WHO: Caller = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, pid: process.pid }
const SELF = 'self'
const BY_NAME = 'by-name'

/**
 * Finds a server and connects to it. Dials out only, and mounts nothing.
 * @throws CircuitError that says what was tried; the reason of the signal
 */
export async function connect(options: ConnectOptions = {}): Promise<Circuit> {
  const { timeout = FIND_MS, signal } = options
  const { keys, given } = options.keys ? { keys: options.keys, given: true } : defaultKeys()
  const source = findSource(options, keys, given)
  return new Circuit(await Link.open((signal) => dialFirst(source, keys, timeout, signal), signal))
}

/**
 * Paths begin at the circuit's root: `/X88550014d4c82e4d/jobs/pippi`. `/by-name/NAME` stands for a server by its name,
 * `/self` for the one that was dialled. When the connection breaks, what is open fails with EHOSTDOWN, and the next call
 * dials anew. All calls throw CircuitError with code, path and server, or the reason of their signal.
 */
export class Circuit {
  readonly #link: Link
  readonly #files = new Set<OpenFile>()
  /** A close that matters was sent since the server answered last. */
  #unsettled = false
  readonly #owner: Owner
  /** The tree as a namespace, with its root's links as links. For views of it, like a mount. */
  readonly namespace: Namespace

  /** Use connect(). */
  constructor(link: Link) {
    this.#link = link
    this.namespace = new RemoteTree(() => link.connect())
    this.#owner = {
      explain: (error, path) => this.#explain(error, path),
      settle: () => this.#settle(),
      closed: (file, unsettled) => {
        this.#files.delete(file)
        this.#unsettled ||= unsettled
      },
    }
  }

  /** The server that was dialled: X and 16 hexadecimal digits. */
  get server(): string {
    return this.#link.server
  }

  /** The servers that are there now. */
  async servers({ signal }: CallOptions = {}): Promise<ServerEntry[]> {
    const [root, named] = await this.#call('/', signal, () =>
      Promise.all([this.namespace.list('/'), this.namespace.list(`/${BY_NAME}`)]),
    )
    const names = new Map(named.map(({ name, stat }) => [targetOf(stat), name]))
    return root
      .filter(({ name }) => isServerId(name))
      .map(({ name: id }) => ({ id, name: names.get(id) ?? id, path: `/${id}` }))
  }

  /** What an anchor holds: its files and anchors. @throws ENOENT, ENOTDIR */
  async list(path: string, { signal }: CallOptions = {}): Promise<Entry[]> {
    const absolute = await this.resolve(path, { signal })
    const listed = await this.#call(absolute, signal, () => this.namespace.list(absolute))
    return listed.map((child) => entryOf(absolute, child))
  }

  /** @throws ENOENT, ENOTDIR */
  async stat(path: string, { signal }: CallOptions = {}): Promise<Stat> {
    const absolute = await this.resolve(path, { signal })
    return this.#call(absolute, signal, async () => this.namespace.stat(absolute))
  }

  /**
   * Makes an anchor; with `parents`, those above it too, and none if it is there already. Gives the paths of those that
   * were made, outermost first.
   * @throws EEXIST, ENOENT, EPERM
   */
  async make(path: string, { parents = false, signal }: MakeOptions = {}): Promise<string[]> {
    const absolute = await this.resolve(path, { signal })
    const make = (path: string): Promise<void> =>
      this.#call(path, signal, () => this.namespace.make(path, WHO))
    if (!parents) await make(absolute)
    return parents ? this.#makeAll(absolute, make) : [absolute]
  }

  async #makeAll(path: string, make: (path: string) => Promise<void>): Promise<string[]> {
    try {
      await make(path)
      return [path]
    } catch (error) {
      const { code } = asCircuitError(error)
      if (code === 'EEXIST') await this.stat(path)
      if (code === 'EEXIST') return []
      const { parent } = splitLast(path)
      if (code !== 'ENOENT' || splitPath(parent).length < 2) throw error
      const made = await this.#makeAll(parent, make)
      return [...made, ...(await this.#makeAll(path, make))]
    }
  }

  /** Removes an anchor; a finished element goes with it. @throws ENOTEMPTY, EBUSY, ENOENT, EPERM */
  async remove(path: string, { signal }: CallOptions = {}): Promise<void> {
    const absolute = await this.resolve(path, { signal })
    await this.#call(absolute, signal, () => this.namespace.remove(absolute, WHO))
  }

  /** Opens a special file. @throws ENOENT, EACCES, and what the file says */
  async open(path: string, mode: Mode, { signal }: CallOptions = {}): Promise<OpenFile> {
    const absolute = await this.#resolve(path, signal)
    return this.#file(absolute, await this.#open(absolute, mode, signal), mode)
  }

  async #open(absolute: string, mode: Mode, signal: AbortSignal | undefined): Promise<Handle> {
    const { parent, name } = splitLast(absolute)
    try {
      const work = Promise.resolve(this.namespace.open(parent, name, MODES[mode], WHO))
      return await abortable(work, signal, (handle) => {
        handle.abandon(true)
        handle.close()
      })
    } catch (error) {
      throw this.#failure(error, absolute, signal)
    }
  }

  #file(absolute: string, handle: Handle, mode: Mode): OpenFile {
    const file = new OpenFile(absolute, handle, this.#owner, MODES[mode].write)
    this.#files.add(file)
    return file
  }

  /** A file's whole text. Blocks as long as the file does: `wait` until the process ends. */
  async readText(path: string, { signal }: CallOptions = {}): Promise<string> {
    const absolute = await this.#resolve(path, signal)
    const handle = await this.#open(absolute, 'r', signal)
    // A short text has come with the answer, and the file is closed there.
    if (handle instanceof TextHandle) return handle.read(handle.length).toString()
    const file = this.#file(absolute, handle, 'r')
    try {
      const pieces: Buffer[] = []
      for (;;) {
        const piece = await file.read(undefined, { signal })
        if (piece.length === 0) return Buffer.concat(pieces).toString()
        pieces.push(piece)
      }
    } finally {
      await file.close()
    }
  }

  /** Writes a text: all of the file, or, with `append`, a part. To `send` it is a message. */
  async writeText(path: string, text: string, { append = false, signal }: WriteOptions = {}): Promise<void> {
    const file = await this.open(path, append ? 'a' : 'w', { signal })
    try {
      for (let left = Buffer.from(text); left.length > 0; ) {
        left = left.subarray(await file.write(left, { signal }))
        signal?.throwIfAborted()
      }
    } catch (error) {
      file.abandon()
      throw error
    }
    await file.close()
  }

  /** The state of an anchor's element; null where it holds none. */
  async peek(path: string, options: CallOptions = {}): Promise<unknown> {
    return JSON.parse(await this.readText(joinPath(path, 'peek'), options))
  }

  /** Writes a command to the ctl of an anchor: `mkchan 3`, or a verb and an object for its JSON. */
  async command(path: string, command: string, options: CommandOptions = {}): Promise<void> {
    const { fields, signal } = options
    const line = fields === undefined ? command : `${command} ${JSON.stringify(fields)}`
    const file = await this.open(joinPath(path, 'ctl'), 'w', { signal })
    try {
      await file.write(`${line}\n`, { signal })
    } finally {
      // Nothing is left to be done at its close.
      file.abandon()
    }
  }

  /**
   * A path without links: what it names whoever else dials. Only `/self` and `/by-name/NAME` are links.
   * @throws ENOENT
   */
  async resolve(path: string, { signal }: CallOptions = {}): Promise<string> {
    return this.#resolve(path, signal)
  }

  #resolve(path: string, signal: AbortSignal | undefined): Soon<string> {
    const names = splitPath(path)
    const [first, second] = names
    if (first === SELF) return `/${[this.server, ...names.slice(1)].join('/')}`
    if (first !== BY_NAME || second === undefined) return `/${names.join('/')}`
    return this.#follow(`/${BY_NAME}/${second}`, names.slice(2), signal)
  }

  async #follow(link: string, rest: readonly string[], signal: AbortSignal | undefined): Promise<string> {
    const stat = await this.#call(link, signal, async () => this.namespace.stat(link))
    return `/${[targetOf(stat), ...rest].join('/')}`
  }

  /** Abandons files that are open, and ends the connection. What was closed before is done. */
  async close(): Promise<void> {
    for (const file of [...this.#files]) file.abandon()
    if (this.#unsettled) await this.#settle().catch(() => {})
    this.#link.close()
  }

  /** What was sent before is done when a later call is answered: a connection keeps its order. */
  async #settle(): Promise<void> {
    await this.#call('/', undefined, async () => this.namespace.stat('/'))
    this.#unsettled = false
  }

  async #call<T>(path: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    try {
      return await abortable(work(), signal)
    } catch (error) {
      throw this.#failure(error, path, signal)
    }
  }

  #failure(error: unknown, path: string, signal: AbortSignal | undefined): unknown {
    return signal?.aborted && error === signal.reason ? error : this.#explain(error, path)
  }

  #explain(error: unknown, path: string): CircuitError {
    const { code, message } = asCircuitError(error)
    const [first = ''] = splitPath(path)
    const server = isServerId(first) ? first : this.server
    return new CircuitError(code, message, { cause: error, path, server })
  }
}

export interface MakeOptions extends CallOptions {
  /** As mkdir -p does. */
  readonly parents?: boolean
}

export interface WriteOptions extends CallOptions {
  /** What is written is a part (`>>`). */
  readonly append?: boolean
}

export interface CommandOptions extends CallOptions {
  /** The JSON object behind the verb. */
  readonly fields?: Readonly<Record<string, unknown>>
}

const targetOf = (stat: Stat | undefined): string =>
  stat?.kind === 'link' ? (splitPath(stat.target).at(-1) ?? '') : ''

function entryOf(parent: string, { name, stat }: Listed): Entry {
  return {
    name,
    path: joinPath(parent, name),
    type: stat?.kind ?? 'file',
    element: stat?.kind === 'anchor' ? stat.element : undefined,
    children: stat?.kind === 'anchor' ? stat.children : undefined,
    target: stat?.kind === 'link' ? stat.target : undefined,
  }
}
