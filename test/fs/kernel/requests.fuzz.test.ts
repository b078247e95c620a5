/**
 * Whatever a request contains, it is answered once, now or when it is interrupted, and the server goes on: requests cut
 * at every length, and random ones, valid and spoiled.
 */
import t from 'tap'
import { failure, type Random, random, seeds } from '../../random.ts'
import { type FakeMount, mountFake, type Sent, settle } from './fake-device.ts'
import { ENTRY_OUT, IN_HEADER, packRequest, REQUESTS, type RequestShape, sizeOf, unpack } from './wire.ts'

const HEADER = sizeOf(IN_HEADER)
const { READ, READDIR, READDIRPLUS, INIT, WRITE, LOOKUP, MKDIR, OPEN, OPENDIR } = REQUESTS
const UNANSWERED = new Set(
  Object.values(REQUESTS)
    .filter(({ reply }) => reply === 'none')
    .map(({ opcode }) => opcode),
)
const EPROTO = 71

/** Requests that were delivered and are not answered yet, and what is wrong with the answers. */
class Ledger {
  readonly #mount: FakeMount
  readonly #open = new Map<bigint, Buffer>()
  /** Nodes and handles that answers have told of. */
  readonly directories: bigint[] = [1n]
  readonly files: bigint[] = []
  readonly handles: bigint[] = []

  constructor(mount: FakeMount) {
    this.#mount = mount
  }

  deliver(request: Buffer): void {
    const answerable = request.length >= HEADER && !UNANSWERED.has(request.readUInt32LE(4))
    if (answerable) this.#open.set(request.readBigUInt64LE(8), request)
    this.#mount.device.deliver(request)
  }

  /** The uniques of requests that wait. */
  get open(): readonly bigint[] {
    return [...this.#open.keys()]
  }

  /** @throws Error for a wrong answer, or a request that has none and doesn't wait */
  async check(): Promise<void> {
    await settle()
    for (const sent of this.#mount.device.take()) if (sent.unique !== 0n) this.#checkOne(sent)
    const { waiting } = this.#mount.session
    if (this.#open.size !== waiting)
      throw new Error(
        `${waiting} requests wait, but not answered are: ${[...this.#open.values()].map(describe).join('; ')}`,
      )
  }

  #checkOne({ unique, error, body }: Sent): void {
    const request = this.#open.get(unique)
    if (request === undefined) throw new Error(`an answer to ${unique}, which does not wait for one`)
    this.#open.delete(unique)
    const opcode = request.readUInt32LE(4)
    this.#learn(opcode, error, body)
    if (error === EPROTO && opcode !== INIT?.opcode) throw new Error(`internal error: ${describe(request)}`)
    const sized = opcode === READ?.opcode || opcode === READDIR?.opcode || opcode === READDIRPLUS?.opcode
    if (error === 0 && sized && body.length > request.readUInt32LE(HEADER + 16))
      throw new Error(`${body.length} bytes are more than asked for: ${describe(request)}`)
  }

  #learn(opcode: number, error: number, body: Buffer): void {
    if (error !== 0) return
    if (opcode === LOOKUP?.opcode || opcode === MKDIR?.opcode) {
      const { nodeid = 0n, mode = 0n } = unpack(ENTRY_OUT, body)
      const nodes = mode & 0o100000n ? this.files : this.directories
      if (!nodes.includes(nodeid)) nodes.push(nodeid)
    }
    if (opcode === OPEN?.opcode || opcode === OPENDIR?.opcode) this.handles.push(body.readBigUInt64LE())
  }

  /** Whoever waits is interrupted, and answered. */
  async end(): Promise<void> {
    this.#mount.session.interruptAll()
    await this.check()
    if (this.#open.size > 0) throw new Error(`an interrupt does not end ${this.open.join(' ')}`)
  }
}

const describe = (request: Buffer): string => `opcode ${request.readUInt32LE(4)} ${request.toString('hex')}`

t.test('requests of every length', async (t) => {
  for (const [name, shape] of Object.entries(REQUESTS)) {
    const mount = mountFake()
    const ledger = new Ledger(mount)
    const tail = [Buffer.from('name'), Buffer.from('other')].slice(
      0,
      shape.tail === 2 ? 2 : shape.tail ? 1 : 0,
    )
    const whole = packRequest(shape, { unique: 0n, header: { nodeid: 1n }, tail }).length
    for (let length = 0; length <= whole; length++) {
      const request = packRequest(shape, { unique: BigInt(length + 1), header: { nodeid: 1n }, tail })
      ledger.deliver(request.subarray(0, length))
      await ledger.check()
    }
    await ledger.end()
    t.pass(name)
  }
})

/** Names, commands and numbers that lead somewhere. */
const NAMES = 'X00000000000000a1 self by-name help ctl ctl peek error events send send recv recv a b'.split(
  ' ',
)
const COMMANDS = [
  'mkchan',
  'mkchan',
  'mkchan 1\n',
  'mkchan 2\n',
  'close\n',
  'scrub\n',
  'mkchan 1\nclose\n',
  'mkproc {"Pa',
  'nonsense\n',
  'x',
]
const OFTEN = 'LOOKUP LOOKUP MKDIR OPEN OPEN READ READ WRITE WRITE POLL RELEASE READDIRPLUS'.split(' ')
/** Read, write, read and write, truncate, append, don't wait. */
const OPEN_FLAGS = [0o0, 0o1, 0o2, 0o1001, 0o2001, 0o4000, 0o4001, 0o4002]

function anyNumber(random: Random): bigint {
  if (random.chance(0.5)) return BigInt(random.int(24))
  if (random.chance(0.7)) return 2n ** BigInt(random.int(64)) - BigInt(random.int(2))
  return random.bytes(8).readBigUInt64LE()
}

function anyName(random: Random): Buffer {
  if (random.chance(0.95)) return Buffer.from(random.pick(NAMES))
  return random.bytes(random.int(300))
}

/** The value of a field: mostly one that leads somewhere. */
function anyField(random: Random, name: string, { open, handles }: Ledger): bigint {
  if (random.chance(0.05)) return anyNumber(random)
  switch (name) {
    case 'fh':
      return handles.length > 0 ? random.pick(handles.slice(-12)) : 0n
    case 'unique':
      return open.length > 0 ? random.pick(open) : 0n
    case 'flags':
      return BigInt(random.pick(OPEN_FLAGS))
    case 'read_flags':
      return 2n
    case 'size':
      return BigInt(random.int(9000))
    default:
      return random.chance(0.7) ? 0n : anyNumber(random)
  }
}

function anyRequest(random: Random, unique: bigint, ledger: Ledger): Buffer {
  const name = random.chance(0.9) ? random.pick(OFTEN) : random.pick(Object.keys(REQUESTS))
  const shape: RequestShape = REQUESTS[name] ?? { opcode: 0, body: '' }
  const fields = shape.body.split(' ').map((field) => field.split(':')[0] ?? '')
  const body = Object.fromEntries(
    fields
      .filter((name) => name !== '' && !(shape === WRITE && name === 'size'))
      .map((name) => [name, anyField(random, name, ledger)]),
  )
  const data = random.chance(0.8) ? Buffer.from(random.pick(COMMANDS)) : random.bytes(random.int(5000))
  const names = [anyName(random), anyName(random)]
  const tail = shape.tail === 'data' ? [data] : names.slice(0, shape.tail ?? 0)
  const nodes = /^(OPEN|READ|WRITE|POLL)$/.test(name) ? ledger.files : ledger.directories
  const nodeid = random.chance(0.98) && nodes.length > 0 ? random.pick(nodes) : anyNumber(random)
  return packRequest(shape, { unique, header: { nodeid }, body, tail })
}

/** Cuts a request, lengthens it, or changes some of its bytes; its id stays. */
function spoil(random: Random, request: Buffer): Buffer {
  const kind = random.int(3)
  if (kind === 0) return request.subarray(0, HEADER + random.int(request.length - HEADER + 1))
  if (kind === 1) return Buffer.concat([request, random.bytes(random.int(100))])
  const unique = request.readBigUInt64LE(8)
  for (let n = random.int(8); n >= 0; n--) request[random.int(request.length)] = random.int(256)
  request.writeBigUInt64LE(unique, 8)
  return request
}

/** The server's anchor, a channel, and its files, so that what follows is soon about these. */
async function prepare(ledger: Ledger): Promise<void> {
  let unique = 2n
  const ask = async (shape: RequestShape | undefined, node: bigint, text = '', body = {}): Promise<void> => {
    if (shape === undefined) return
    const tail = text === '' ? [] : [Buffer.from(text)]
    ledger.deliver(packRequest(shape, { unique, header: { nodeid: node }, body, tail }))
    unique += 2n
    await ledger.check()
  }
  await ask(LOOKUP, 1n, 'X00000000000000a1')
  await ask(MKDIR, 2n, 'a')
  await ask(LOOKUP, 3n, 'ctl')
  await ask(OPEN, 4n, '', { flags: 1n })
  await ask(WRITE, 4n, 'mkchan 1', { fh: 1n })
  await ask(LOOKUP, 3n, 'send')
  await ask(LOOKUP, 3n, 'recv')
  await ask(OPEN, 5n, '', { flags: 1n })
  await ask(OPEN, 6n, '', { flags: 2n })
}

t.test('random requests', async (t) => {
  let answered = 0
  for (const seed of seeds(40)) {
    const random_ = random(seed)
    const mount = mountFake()
    const ledger = new Ledger(mount)
    try {
      await prepare(ledger)
      for (let unique = 100n; unique < 1100n; unique += 2n) {
        const request = anyRequest(random_, unique, ledger)
        ledger.deliver(random_.chance(0.1) ? spoil(random_, request) : request)
        if (random_.chance(0.5)) await ledger.check()
      }
      await ledger.end()
      answered += mount.session.requests
    } catch (error) {
      t.fail(failure(seed, error))
    }
  }
  t.ok(answered > 0, `${answered} requests`)
})
