/** Another server's tree, over a connection: a namespace like any other, only farther. */

import type { circuit } from '../../proto/circuit.pb.js'
import { asCircuitError, CircuitError, isErrorCode } from '../../proto/errors.ts'
import { FRAME, FRAME_FLAG, type FrameKind } from '../../proto/frame.ts'
import { decodeName, encodeName } from '../../proto/path.ts'
import {
  BaseHandle,
  type Caller,
  type Cancel,
  type Direction,
  END,
  type Handle,
  type OpenMode,
  type Readiness,
  type WriteHow,
} from '../handle.ts'
import type { AnchorStat, Listed, Namespace, Stat } from '../namespace.ts'
import { WaitQueue, Watchers } from '../wait-queue.ts'
import type { Connection, Control, Stream, StreamEvents } from './connection.ts'

/** How long a call that never blocks may take, in ms. */
const CALL_MS = 10_000

export class RemoteTree implements Namespace {
  readonly #connect: () => Promise<Connection>

  /** @param connect gives the connection to that server, dialling it where need be @throws CircuitError EHOSTDOWN */
  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect
  }

  async stat(path: string): Promise<Stat> {
    const { statReply } = await this.#call({ stat: { path: encodeName(path) } })
    return decodeStat(statReply?.stat)
  }

  async list(path: string): Promise<readonly Listed[]> {
    const { listReply } = await this.#call({ list: { path: encodeName(path) } })
    return (listReply?.listed ?? []).map(({ name, stat }) => ({
      name: decodeName(name ?? new Uint8Array(0)),
      ...(stat && { stat: decodeStat(stat) }),
    }))
  }

  async make(path: string, who: Caller): Promise<void> {
    await this.#call({ make: { path: encodeName(path), who: encodeWho(who) } })
  }

  async remove(path: string, who: Caller): Promise<void> {
    await this.#call({ remove: { path: encodeName(path), who: encodeWho(who) } })
  }

  async open(path: string, file: string, mode: OpenMode, who: Caller): Promise<Handle> {
    const connection = await this.#connect()
    return new Promise((resolve, reject) => {
      const handle = new RemoteHandle(resolve, reject)
      handle.begin(connection.open(handle), { path: encodeName(path), file, ...mode, who: encodeWho(who) })
    })
  }

  /** A call with one answer. */
  async #call(call: Control): Promise<Control> {
    const connection = await this.#connect()
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(deadline)
        stream.end()
      }
      const stream = connection.open({
        onControl: (reply) => {
          settle()
          if (reply.failure) reject(decodeFailure(reply.failure))
          else resolve(reply)
        },
        onBytes: () => {},
        onLost: (error) => {
          clearTimeout(deadline)
          reject(error)
        },
      })
      const deadline = setTimeout(() => {
        settle()
        reject(new CircuitError('ETIMEDOUT', `the server did not answer within ${CALL_MS / 1000} s`))
      }, CALL_MS)
      stream.send(call)
    })
  }
}

/** What came of a read or a write, until the one who asked takes it. */
type Result<T> = { readonly value: T } | { readonly error: CircuitError }

/** An open file on another server. One read and one write are on their way at a time. */
class RemoteHandle extends BaseHandle implements StreamEvents {
  readonly #opened: (handle: Handle) => void
  readonly #refused: (error: CircuitError) => void
  #stream: Stream | undefined
  #lost: CircuitError | undefined
  #delicate = false
  #reading = false
  #read: Result<Buffer> | undefined
  #writing = false
  #written: Result<number> | undefined
  #polling = false
  #ready: Readiness | undefined
  readonly #readers = new WaitQueue()
  readonly #writers = new WaitQueue()
  readonly #watchers = new Watchers()

  constructor(opened: (handle: Handle) => void, refused: (error: CircuitError) => void) {
    super()
    this.#opened = opened
    this.#refused = refused
  }

  begin(stream: Stream, open: circuit.OpenCall.$Properties): void {
    this.#stream = stream
    stream.send({ open })
  }

  override get distant(): boolean {
    return true
  }

  override get delicate(): boolean {
    return this.#delicate
  }

  override read(max: number, waits: boolean): Uint8Array | undefined {
    const result = this.#read
    if (result) {
      this.#read = undefined
      return unwrap(result)
    }
    if (this.#lost) throw this.#lost
    this.#ready = undefined
    if (!this.#reading) this.#stream?.send({ read: { max, waits } })
    this.#reading = true
    return undefined
  }

  override unread(): void {
    this.#stream?.send({ unread: {} })
  }

  override write(bytes: Uint8Array, { first, waits }: WriteHow): number | undefined {
    const result = this.#written
    if (result) {
      this.#written = undefined
      return unwrap(result)
    }
    if (this.#lost) throw this.#lost
    this.#ready = undefined
    const flags = (first ? FRAME_FLAG.FIRST : 0) | (waits ? FRAME_FLAG.WAITS : 0)
    if (!this.#writing) this.#stream?.sendBytes(FRAME.WRITE, flags, Buffer.from(bytes))
    this.#writing = true
    return undefined
  }

  override wait(direction: Direction, wake: () => void): Cancel {
    return (direction === 'read' ? this.#readers : this.#writers).add(wake)
  }

  /** What becomes of it the other side says. */
  override interrupt(direction: Direction): 'later' {
    this.#stream?.send({ interrupt: { write: direction === 'write' } })
    return 'later'
  }

  override ready(): Readiness | undefined {
    const ready = this.#lost ? { readable: true, writable: true, hangup: true } : this.#ready
    this.#ready = undefined
    if (ready || this.#polling) return ready
    this.#polling = true
    this.#stream?.send({ poll: {} })
    return undefined
  }

  override watch(changed: () => void): Cancel {
    return this.#watchers.add(changed)
  }

  override abandon(unseen: boolean): void {
    this.#stream?.send({ abandon: { unseen } })
  }

  override close(): void {
    this.#stream?.send({ close: {} })
    this.#stream?.end()
  }

  onControl(reply: Control): void {
    if (reply.opened) {
      this.#delicate = reply.opened.delicate === true
      this.#opened(this)
    } else if (reply.written)
      this.#wrote({ value: reply.written.count ?? 0 }, reply.written.delicate === true)
    else if (reply.failure) this.#failed(decodeFailure(reply.failure), reply.failure.write === true)
    else if (reply.ready) this.#becameReady(reply.ready)
  }

  onBytes(kind: FrameKind, flags: number, bytes: Buffer): void {
    if (kind !== FRAME.READ) return
    this.#delicate = (flags & FRAME_FLAG.DELICATE) !== 0
    this.#gotRead({ value: bytes })
  }

  onLost(error: CircuitError): void {
    this.#lost = error
    this.#delicate = false
    this.#refused(error)
    this.#readers.wakeAll()
    this.#writers.wakeAll()
    this.#watchers.notify()
  }

  #failed(error: CircuitError, write: boolean): void {
    this.#refused(error)
    if (write) this.#wrote({ error }, this.#delicate)
    else this.#gotRead({ error })
  }

  #gotRead(result: Result<Buffer>): void {
    this.#reading = false
    this.#read = result
    this.#readers.wakeWhile(() => this.#read !== undefined)
    if (this.#readers.size > 0) this.#readers.wakeOne()
  }

  #wrote(result: Result<number>, delicate: boolean): void {
    this.#writing = false
    this.#written = result
    this.#delicate = delicate
    this.#writers.wakeWhile(() => this.#written !== undefined)
  }

  #becameReady({ readable, writable, hangup, delicate }: circuit.Ready.$Properties): void {
    this.#polling = false
    this.#delicate = delicate === true
    this.#ready = { readable: readable === true, writable: writable === true, hangup: hangup === true }
    this.#watchers.notify()
  }
}

function unwrap<T>(result: Result<T>): T {
  if ('error' in result) throw result.error
  return result.value
}

const encodeWho = ({ uid, gid, pid }: Caller): circuit.Who.$Properties => ({ uid, gid, pid })

function decodeFailure({ code, sentence }: circuit.Failure.$Properties): CircuitError {
  return isErrorCode(code)
    ? new CircuitError(code, sentence ?? undefined)
    : asCircuitError(new Error(`${code}: ${sentence}`))
}

function decodeStat(stat: circuit.Stat.$Properties | null | undefined): Stat {
  if (stat?.link) return { kind: 'link', target: decodeName(stat.target ?? END) }
  const { id = 0, files = [], changed = 0, children = 0, element } = stat ?? {}
  return {
    kind: 'anchor',
    id: id ?? 0,
    files: files ?? [],
    element: element || undefined,
    changed: changed ?? 0,
    children: children ?? 0,
  } satisfies AnchorStat
}
