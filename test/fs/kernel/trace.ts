/**
 * Runs a trace: a text of what the kernel asks and what it is answered, a line each.
 *
 *     > 2 LOOKUP node=1 "self"         request 2, of node 1; fields by their names in fuse.h, then names or data
 *     < 2 ENTRY nodeid=2 mode=0120777  its reply; fields that are 0, and times, are left out, inodes numbered anew
 *     < NOTIFY_POLL kh=7               a notification
 *     ! lose 2                         the reply to request 2 will reach nobody
 *     ! interrupt all                  as at a stop
 *     ! invalidate name 1 "self"       and `! invalidate attributes 1`
 *     ! session                        a new session, with a new tree
 *     ? state                          how many nodes, open files and waiting requests there are
 *     = nodes=1 files=0 waiting=0      what there are
 *     = ended: reason                  the session has ended
 *
 * Requests are of user 1000, group 100, and READ has the flag LOCKOWNER, as read(2) has, unless the line says otherwise.
 */
import { constants } from 'node:os'
import { type FakeMount, mountFake, type Sent, settle } from './fake-device.ts'
import {
  DIRENT,
  ENTRY_OUT,
  FORGET_ONE,
  IN_HEADER,
  NOTIFICATIONS,
  pack,
  packRequest,
  REPLIES,
  REQUESTS,
  type ReplyKind,
  type RequestShape,
  sizeOf,
  unpack,
} from './wire.ts'

type Bits = Readonly<Record<string, bigint>>

const OPEN_FLAGS: Bits = {
  DIRECT_IO: 1n,
  KEEP_CACHE: 2n,
  NONSEEKABLE: 4n,
  CACHE_DIR: 8n,
  STREAM: 16n,
  NOFLUSH: 32n,
}
const EVENTS: Bits = { IN: 0x1n, PRI: 0x2n, OUT: 0x4n, ERR: 0x8n, HUP: 0x10n, RDNORM: 0x40n, WRNORM: 0x100n }
const INIT_FLAGS: Bits = {
  ASYNC_READ: 1n << 0n,
  ATOMIC_O_TRUNC: 1n << 3n,
  BIG_WRITES: 1n << 5n,
  DO_READDIRPLUS: 1n << 13n,
  READDIRPLUS_AUTO: 1n << 14n,
  PARALLEL_DIROPS: 1n << 18n,
  ABORT_ERROR: 1n << 21n,
  MAX_PAGES: 1n << 22n,
  INIT_EXT: 1n << 30n,
}
/** Words for numbers in requests. */
const WORDS: Bits = {
  RDONLY: 0n,
  WRONLY: 1n,
  RDWR: 2n,
  TRUNC: 0o1000n,
  APPEND: 0o2000n,
  NONBLOCK: 0o4000n,
  LOCKOWNER: 2n,
  SCHEDULE_NOTIFY: 1n,
  ALL: 0xffffffffn,
  ...EVENTS,
  ...INIT_FLAGS,
}

const DEFAULTS: Readonly<Record<string, Bits>> = { READ: { read_flags: 2n } }
const UNTOLD = new Set(['atime', 'mtime', 'ctime', 'atimensec', 'mtimensec', 'ctimensec', 'padding'])
const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]))
/** Node does not know the one, and has two names for the other. */
ERRNO_NAMES.set(112, 'EHOSTDOWN').set(11, 'EAGAIN')

/** The trace with what was really answered. */
export async function runTrace(trace: string): Promise<string> {
  const player = new Player()
  const out: string[] = []
  for (const line of trace.split('\n')) {
    if (line.startsWith('<') || line.startsWith('=')) continue
    out.push(line)
    if (/^[>!?]/.test(line)) out.push(...(await player.play(line)))
  }
  player.end()
  return out.join('\n')
}

class Player {
  #mount = this.#start()
  #endings: string[] = []
  #asked = new Map<bigint, RequestShape>()
  #inodes = new Map<bigint, string>()

  #start(): FakeMount {
    const mount = mountFake()
    void mount.session.ended.then((error) => this.#endings.push(`= ended: ${error?.message ?? 'unmounted'}`))
    return mount
  }

  async play(line: string): Promise<string[]> {
    try {
      if (line.startsWith('>')) this.#request(line.slice(2))
      else if (line.startsWith('!')) await this.#act(line.slice(2))
      else return [this.#state()]
    } catch (cause) {
      throw new Error(`in the line ${line}: ${cause}`, { cause })
    }
    await settle()
    return [...this.#mount.device.take().map((sent) => this.#print(sent)), ...this.#endings.splice(0)]
  }

  /** @throws Error when a request was left unanswered and not waiting either */
  end(): void {
    const { waiting } = this.#mount.session
    if (this.#asked.size !== waiting)
      throw new Error(`of ${this.#asked.size} requests without an answer only ${waiting} are waiting`)
    this.#mount.session.interruptAll()
    this.#mount.device.take()
  }

  #request(text: string): void {
    const [, unique = '', name = '', rest = ''] = /^(\d+) (\w+) ?(.*)$/.exec(text) ?? []
    const opcode = /^OPCODE_(\d+)$/.exec(name)?.[1]
    const shape = opcode === undefined ? REQUESTS[name] : { opcode: Number(opcode), body: '' }
    if (shape === undefined) throw new Error(`there is no request ${name}`)
    const { fields, strings } = parse(rest)
    const { node = 0n, uid = 1000n, gid = 100n, pid = 0n, cut, ...body } = fields
    const nodes = shape.opcode === REQUESTS.BATCH_FORGET?.opcode ? strings.map(packForget) : undefined
    const request = packRequest(shape, {
      unique: BigInt(unique),
      header: { nodeid: node, uid, gid, pid },
      body: { ...DEFAULTS[name], ...(nodes && { count: BigInt(nodes.length) }), ...body },
      tail: nodes ?? strings.map((string) => Buffer.from(string, 'latin1')),
    })
    if (shape.reply !== 'none') this.#asked.set(BigInt(unique), shape)
    this.#mount.device.deliver(
      cut === undefined ? request : request.subarray(0, sizeOf(IN_HEADER) + Number(cut)),
    )
  }

  async #act(text: string): Promise<void> {
    const { session, device } = this.#mount
    const [, what = '', rest = ''] = /^(lose|session|interrupt all|invalidate \w+) ?(.*)$/.exec(text) ?? []
    const { words, strings } = parse(rest)
    switch (what) {
      case 'lose':
        return void device.lost.add(BigInt(words[0] ?? ''))
      case 'interrupt all':
        return session.interruptAll()
      case 'invalidate name':
        return session.invalidateName(Number(words[0]), Buffer.from(strings[0] ?? '', 'latin1'))
      case 'invalidate attributes':
        return void session.invalidateAttributes(Number(words[0]))
      case 'session':
        this.end()
        this.#mount = this.#start()
        this.#asked.clear()
        return this.#inodes.clear()
      default:
        throw new Error('not understood')
    }
  }

  #state(): string {
    const { tree, session } = this.#mount
    return `= nodes=${tree.nodes} files=${tree.openFiles} waiting=${session.waiting}`
  }

  #print({ unique, error, body }: Sent): string {
    if (unique === 0n) {
      const shape = NOTIFICATIONS[error]
      if (shape === undefined) return `< NOTIFY_${error}`
      const name = body.subarray(sizeOf(shape.body))
      return `< ${shape.name}${signed(unpack(shape.body, body))}${name.length > 0 ? ` ${quote(name)}` : ''}`
    }
    const shape = this.#asked.get(unique)
    if (shape === undefined) return `< ${unique} AGAIN, or never asked`
    this.#asked.delete(unique)
    if (error !== 0) return `< ${unique} ${ERRNO_NAMES.get(error) ?? `error ${error}`}`
    return `< ${unique} ${this.#printBody(shape.reply, body)}`
  }

  #printBody(kind: ReplyKind | 'none' | undefined, body: Buffer): string {
    if (kind === undefined || kind === 'none')
      return body.length === 0 ? 'OK' : `OK, and ${body.length} bytes`
    if (kind === 'DATA') return `DATA ${body.length} ${quote(body)}`
    if (kind === 'DIRENTS' || kind === 'DIRENTS_PLUS')
      return `${kind} ${body.length}${this.#printEntries(body, kind === 'DIRENTS_PLUS')}`
    if (body.length !== sizeOf(REPLIES[kind])) return `${kind} of ${body.length} bytes`
    return kind + this.#printFields(unpack(REPLIES[kind], body))
  }

  /** A listing; with `plus` each entry has what a lookup would say before it, unless its node is 0. */
  #printEntries(body: Buffer, plus: boolean): string {
    let text = ''
    for (let at = 0; at < body.length; ) {
      const entry = plus ? unpack(ENTRY_OUT, body.subarray(at)) : {}
      const start = at + (plus ? sizeOf(ENTRY_OUT) : 0)
      const { namelen = 0n, ...dirent } = unpack(DIRENT, body.subarray(start))
      const end = start + sizeOf(DIRENT) + Number(namelen)
      text += `\n<   ${quote(body.subarray(start + sizeOf(DIRENT), end))}${this.#printFields(dirent)}`
      if (entry.nodeid) text += ` entry:${this.#printFields(entry)}`
      at = (end + 7) & ~7
    }
    return text
  }

  #printFields(values: Readonly<Record<string, bigint>>): string {
    return Object.entries(values)
      .filter(([name, value]) => value !== 0n && !UNTOLD.has(name))
      .map(([name, value]) => ` ${name}=${this.#printValue(name, value)}`)
      .join('')
  }

  #printValue(name: string, value: bigint): string {
    switch (name) {
      case 'ino':
        if (!this.#inodes.has(value)) this.#inodes.set(value, `i${this.#inodes.size + 1}`)
        return this.#inodes.get(value) ?? ''
      case 'mode':
        return `0${value.toString(8)}`
      case 'open_flags':
        return printBits(OPEN_FLAGS, value)
      case 'revents':
        return printBits(EVENTS, value)
      case 'flags':
        return printBits(INIT_FLAGS, value)
      default:
        return String(value)
    }
  }
}

const printBits = (bits: Bits, value: bigint): string => {
  const names = Object.keys(bits).filter((name) => value & (bits[name] ?? 0n))
  const rest = names.reduce((left, name) => left & ~(bits[name] ?? 0n), value)
  return [...names, ...(rest ? [`0x${rest.toString(16)}`] : [])].join('|')
}

const signed = (values: Readonly<Record<string, bigint>>): string =>
  Object.entries(values)
    .map(([name, value]) => ` ${name}=${BigInt.asIntN(64, value)}`)
    .join('')

/** `"5*2"`: node 5, forgotten twice. */
function packForget(text: string): Buffer {
  const [nodeid = '0', nlookup = '1'] = text.split('*')
  return pack(FORGET_ONE, { nodeid: BigInt(nodeid), nlookup: BigInt(nlookup) })
}

/** Words, `field=value`s and "strings" of a line. In a string `\xNN` is a byte and `"…"*N` repeats. */
function parse(text: string): { words: string[]; fields: Record<string, bigint>; strings: string[] } {
  const words: string[] = []
  const fields: Record<string, bigint> = {}
  const strings: string[] = []
  for (const [, string, times, name, value, word] of text.matchAll(
    /("(?:[^"\\]|\\.)*")(?:\*(\d+))?|(\w+)=(\S+)|(\S+)/g,
  )) {
    if (string !== undefined) strings.push(unquote(string).repeat(Number(times ?? 1)))
    else if (name !== undefined && value !== undefined) fields[name] = number(value)
    else if (word !== undefined) words.push(word)
  }
  return { words, fields, strings }
}

const number = (text: string): bigint =>
  text.split('|').reduce((sum, word) => sum | (WORDS[word] ?? BigInt(word)), 0n)

const unquote = (text: string): string =>
  JSON.parse(
    Buffer.from(text, 'utf8')
      .toString('latin1')
      .replace(/\\x([0-9a-f]{2})/g, '\\u00$1'),
  ) as string

const LONGEST_TOLD = 160

/** Bytes as a string in quotes; times are masked, so that a trace is the same every time. */
function quote(bytes: Buffer): string {
  const text = bytes.toString('utf8').replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
  const told = text.length > LONGEST_TOLD ? `${text.slice(0, LONGEST_TOLD)}…` : text
  return Buffer.from(text).equals(bytes) || text.includes('TIME')
    ? JSON.stringify(told)
    : `"${[...bytes].map((byte) => (byte < 0x20 || byte > 0x7e ? `\\x${byte.toString(16).padStart(2, '0')}` : String.fromCharCode(byte))).join('')}"`
}
