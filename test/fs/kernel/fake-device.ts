/** A session and a tree over a namespace in memory, and a device that is a test instead of the kernel. */

import type { Device } from '../../../src/fs/kernel/device.ts'
import type { ReaderEvents, ReaderKind } from '../../../src/fs/kernel/reader.ts'
import { Session } from '../../../src/fs/kernel/session.ts'
import { Tree } from '../../../src/fs/tree.ts'
import { Budget } from '../../../src/node/budget.ts'
import { Circuit, type Member, type Members } from '../../../src/node/circuit.ts'
import { Spawner } from '../../../src/node/element/process/spawner.ts'
import type { Host } from '../../../src/node/host.ts'
import { LocalTree } from '../../../src/node/local-tree.ts'
import { OpLog } from '../../../src/node/oplog.ts'
import { OUT_HEADER, sizeOf, unpack } from './wire.ts'

export interface Sent {
  /** 0 for a notification. */
  readonly unique: bigint
  /** An errno, positive; a notification's code; 0 for success. */
  readonly error: number
  readonly body: Buffer
}

export class FakeDevice implements Device {
  /** Replies to these reach nobody, as when their callers have just been interrupted. */
  readonly lost = new Set<bigint>()
  #events: ReaderEvents | undefined
  #sent: Sent[] = []

  listen(events: ReaderEvents): ReaderKind {
    this.#events = events
    return 'pool'
  }

  /** Hands a request to the session, in a buffer that is used again, as the real one is. */
  deliver(request: Buffer): void {
    const buffer = Buffer.from(request)
    this.#events?.onRequest(buffer)
    buffer.fill(0xee)
  }

  send(head: Uint8Array, length: number, tail: Uint8Array = new Uint8Array(0)): boolean {
    const message = Buffer.concat([head.subarray(0, length), tail])
    const { len, error, unique = 0n } = unpack(OUT_HEADER, message)
    if (len !== BigInt(message.length))
      throw new Error(`a message of ${message.length} bytes says it has ${len}`)
    const code = Number(BigInt.asIntN(32, error ?? 0n))
    this.#sent.push({ unique, error: Math.abs(code), body: message.subarray(sizeOf(OUT_HEADER)) })
    return !this.lost.has(unique)
  }

  async sendLater(message: Uint8Array): Promise<void> {
    this.send(message, message.length)
  }

  /** What was sent since the last call. */
  take(): Sent[] {
    return this.#sent.splice(0)
  }
}

export interface FakeMount {
  readonly device: FakeDevice
  readonly session: Session
  readonly tree: Tree
}

const hostOf = (id: string, name: string, members: () => Members): Host => ({
  id,
  name,
  spawner: new Spawner(),
  log: new OpLog(),
  docker: false,
  messageBudget: new Budget(1 << 24),
  members,
  describe: () => ({ Name: name }),
  changedByOthers: async () => {},
  join: async () => {},
  metrics: () => '',
  stop: () => {},
})

/** A mount of a circuit of two servers: X…a1, whose mount it is, and X…b2. */
export function mountFake(): FakeMount {
  const known = (): Members => view
  const hosts = [hostOf('X00000000000000a1', 'web1', known), hostOf('X00000000000000b2', 'web2', known)]
  const members: Member[] = hosts.map((host) => ({
    id: host.id,
    name: host.name,
    address: '',
    since: 0,
    tree: new LocalTree(host),
  }))
  const [self] = members
  if (self === undefined) throw new Error('a circuit has a server')
  const view: Members = {
    self,
    list: () => members,
    get: (id) => members.find((member) => member.id === id),
    isLost: () => false,
    onChange: () => () => {},
  }
  const circuit = new Circuit(view)
  const device = new FakeDevice()
  const tree = new Tree(circuit, {
    owner: { uid: 1000, gid: 100, group: false },
    notifyPoll: (kernelHandle) => session.notifyPoll(kernelHandle),
    forgetAttributes: (node) => session.invalidateAttributes(node),
    isOwn: (path) => path.startsWith(`/${self.id}`),
  })
  const session = new Session(device, tree)
  return { device, session, tree }
}

/** Lets everything happen that needs no more than the event loop: nothing here does any I/O. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
}
