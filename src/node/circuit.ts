/** The whole circuit as one namespace: the root with its servers and names, and each server's tree below it. */
import { CircuitError } from '../proto/errors.ts'
import { isServerId, joinPath, outermostName, splitPath } from '../proto/path.ts'
import { SERVER_ANCHOR_ID } from './anchors.ts'
import { SERVER_FILES, SERVER_KIND } from './element/registry.ts'
import { type Caller, type Cancel, type Handle, type OpenMode, TextHandle } from './handle.ts'
import { ROOT_HELP } from './help.ts'
import type { LinkStat, Listed, Namespace, Soon, Stat } from './namespace.ts'

/** A live server as the root shows it. */
export interface Member {
  /** X and 16 hexadecimal digits. */
  readonly id: string
  readonly name: string
  /** HOST:PORT where it can be dialled; empty while it does not listen. */
  readonly address: string
  /** When it started by its own clock, ms since 1970. */
  readonly since: number
  readonly tree: Namespace
}

/** A server came, left in order, or failed. */
export interface MembersChange {
  readonly kind: 'joined' | 'left' | 'failed'
  readonly member: Member
}

/** Who is there now. Never blocks: it is this server's own view. */
export interface Members {
  /** This server. */
  readonly self: Member
  /** In the order in which they started. */
  list(): readonly Member[]
  get(id: string): Member | undefined
  /** Whether it has been a member, and failed. */
  isLost(id: string): boolean
  /** Calls with each change, after it has become visible. */
  onChange(listener: (change: MembersChange) => void): Cancel
}

const BY_NAME = 'by-name'
const SELF = 'self'
const HELP = 'help'
/** Identities beside those of the servers' anchors. */
const ROOT_ID = 0
const BY_NAME_ID = 1

export class Circuit implements Namespace {
  readonly #members: Members
  readonly #changed = Date.now()

  constructor(members: Members) {
    this.#members = members
  }

  stat(path: string): Soon<Stat> {
    const member = this.#members.get(outermostName(path))
    if (member) return this.#isFarServer(member, path) ? this.#farServerStat() : member.tree.stat(path)
    const [first, second, ...rest] = splitPath(path)
    if (first === undefined) return this.#virtual(ROOT_ID, [HELP], this.#members.list().length + 1)
    if (first === SELF && second === undefined) return this.#selfLink()
    if (first !== BY_NAME) throw this.#noServer(first)
    if (second === undefined) return this.#virtual(BY_NAME_ID, [], 0)
    const link = rest.length === 0 ? this.#named().get(second) : undefined
    if (link === undefined) throw new CircuitError('ENOENT', `there is no server named ${second}`)
    return link
  }

  async list(path: string): Promise<readonly Listed[]> {
    const [first, second] = splitPath(path)
    if (first === undefined) return this.#listRoot()
    if (first === BY_NAME && second === undefined)
      return Array.from(this.#named(), ([name, stat]) => ({ name, stat }))
    return this.#treeOf(path).list(path)
  }

  async make(path: string, who: Caller): Promise<void> {
    return this.#below(path).make(path, who)
  }

  async remove(path: string, who: Caller): Promise<void> {
    return this.#below(path).remove(path, who)
  }

  open(path: string, file: string, mode: OpenMode, who: Caller): Soon<Handle> {
    if (path !== '/') return this.#treeOf(path).open(path, file, mode, who)
    if (file !== HELP) throw new CircuitError('ENOENT', `there is no file ${joinPath(path, file)}`)
    if (mode.write) throw new CircuitError('EACCES', `${joinPath(path, file)} can only be read`)
    return new TextHandle(ROOT_HELP)
  }

  #virtual(id: number, files: readonly string[], children: number): Stat {
    return { kind: 'anchor', id, files, element: undefined, changed: this.#changed, children }
  }

  async #listRoot(): Promise<Listed[]> {
    const servers = this.#members
      .list()
      .map(async ({ id }) => ({ name: id, stat: await this.stat(`/${id}`) }))
    return [
      { name: HELP },
      { name: SELF, stat: this.#selfLink() },
      { name: BY_NAME, stat: await this.stat(`/${BY_NAME}`) },
      ...(await Promise.all(servers)),
    ]
  }

  #isFarServer(member: Member, path: string): boolean {
    return member !== this.#members.self && path.length === member.id.length + 1
  }

  /** What is known of another server's anchor without asking it: the root is this server's own view. */
  #farServerStat(): Stat {
    return {
      kind: 'anchor',
      id: SERVER_ANCHOR_ID,
      files: SERVER_FILES,
      element: SERVER_KIND,
      changed: this.#changed,
      children: undefined,
    }
  }

  #selfLink(): LinkStat {
    return { kind: 'link', target: this.#members.self.id }
  }

  /** Links to the servers by name; where two have the same, the later in the list keeps it. */
  #named(): Map<string, LinkStat> {
    return new Map(this.#members.list().map(({ id, name }) => [name, { kind: 'link', target: `../${id}` }]))
  }

  #treeOf(path: string): Namespace {
    const id = outermostName(path)
    const member = this.#members.get(id)
    if (member === undefined) throw this.#noServer(id)
    return member.tree
  }

  #noServer(id: string): CircuitError {
    if (this.#members.isLost(id)) return new CircuitError('EHOSTDOWN', `the server ${id} is lost`)
    const advice = isServerId(id) ? '' : '; a path begins with one, as /by-name/NAME/jobs or /self/jobs'
    return new CircuitError('ENOENT', `there is no server ${id} in this circuit${advice}`)
  }

  /** The tree in which something can be made or removed. */
  #below(path: string): Namespace {
    const names = splitPath(path)
    if (names.length < 2 || names[0] === BY_NAME || names[0] === SELF)
      throw new CircuitError(
        'EPERM',
        `${path}: anchors are made below a server, as in /self/jobs; servers come and go by themselves`,
      )
    return this.#treeOf(path)
  }
}
