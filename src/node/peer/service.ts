/** Answers the calls of the other side: a namespace, served over a connection. */

import type { circuit } from '../../proto/circuit.pb.js'
import { asCircuitError, CircuitError } from '../../proto/errors.ts'
import { FRAME, FRAME_FLAG, type FrameKind } from '../../proto/frame.ts'
import { checkPath, decodeName, encodeName } from '../../proto/path.ts'
import { BlockingCall, type Progress } from '../blocking.ts'
import type { Caller, Handle } from '../handle.ts'
import type { Listed, Namespace, Stat } from '../namespace.ts'
import type { Control, Stream } from './connection.ts'

/** Calls on a namespace in the name of a peer. */
export class Service {
  readonly #namespace: Namespace
  readonly #peer: string

  constructor(namespace: Namespace, peer: string) {
    this.#namespace = namespace
    this.#peer = peer
  }

  /** Serves a stream from its first message on. */
  serve(stream: Stream, call: Control): void {
    // Until the answer nothing is expected; a client that is lost meanwhile is told by the open file.
    stream.events = { onControl: () => {}, onBytes: () => {}, onLost: () => {} }
    this.#answer(stream, call).catch((thrown: unknown) => {
      fail(stream, thrown)
      stream.end()
    })
  }

  async #answer(stream: Stream, call: Control): Promise<void> {
    const namespace = this.#namespace
    if (call.open) return this.#open(stream, call.open)
    if (call.stat)
      stream.send({ statReply: { stat: encodeStat(await namespace.stat(decodePath(call.stat.path))) } })
    else if (call.list)
      stream.send({
        listReply: { listed: (await namespace.list(decodePath(call.list.path))).map(encodeListed) },
      })
    else if (call.make) {
      await namespace.make(decodePath(call.make.path), this.#caller(call.make.who))
      stream.send({ done: {} })
    } else if (call.remove) {
      await namespace.remove(decodePath(call.remove.path), this.#caller(call.remove.who))
      stream.send({ done: {} })
    } else throw new CircuitError('ENOSYS', 'this server does not know that call: it is older than yours')
    stream.end()
  }

  async #open(stream: Stream, call: circuit.OpenCall.$Properties): Promise<void> {
    let lost = false
    const onLost = (): void => {
      lost = true
    }
    stream.events = { onControl: () => {}, onBytes: () => {}, onLost }
    const { read = false, write = false, append = false, truncate = false } = call
    const mode = {
      read: read === true,
      write: write === true,
      append: append === true,
      truncate: truncate === true,
    }
    const handle = await this.#namespace.open(
      decodePath(call.path),
      call.file ?? '',
      mode,
      this.#caller(call.who),
    )
    if (lost) return handle.close()
    const file = new ServedFile(handle, stream)
    stream.events = file
    stream.send({ opened: { delicate: handle.delicate } })
  }

  #caller(who: circuit.Who.$Properties | null | undefined): Caller {
    return { uid: who?.uid ?? 0, gid: who?.gid ?? 0, pid: who?.pid ?? 0, peer: this.#peer }
  }
}

function fail(stream: Stream, thrown: unknown, write = false): void {
  const error = asCircuitError(thrown)
  if (error.code === 'EPROTO') console.error('circuit: internal error:', thrown)
  stream.send({ failure: { code: error.code, sentence: error.message, write } })
}

/** Longest answer to a read. */
const MAX_READ_BYTES = 1 << 20

/** A file that the other side has open: its operations, one read and one write at a time. */
class ServedFile {
  readonly #handle: Handle
  readonly #stream: Stream
  #reading: BlockingCall | undefined
  #writing: BlockingCall | undefined
  #watching = false
  #armed = false
  /** A third server is being asked: what comes next is its answer, and no change yet. */
  #asking = false
  #closed = false

  constructor(handle: Handle, stream: Stream) {
    this.#handle = handle
    this.#stream = stream
  }

  onControl(call: Control): void {
    if (this.#closed) return
    if (call.read) this.#read(call.read.max ?? 0, call.read.waits === true)
    else if (call.interrupt) (call.interrupt.write ? this.#writing : this.#reading)?.interrupt()
    else if (call.unread) this.#handle.unread()
    else if (call.poll) this.#poll()
    else if (call.abandon) this.#handle.abandon(call.abandon.unseen === true)
    else if (call.close) this.#close()
  }

  onBytes(kind: FrameKind, flags: number, bytes: Buffer): void {
    if (kind === FRAME.WRITE && !this.#closed)
      this.#write(bytes, (flags & FRAME_FLAG.FIRST) !== 0, (flags & FRAME_FLAG.WAITS) !== 0)
  }

  /** Whoever had it open is gone, and what it had not finished with it. */
  onLost(): void {
    if (this.#closed) return
    this.#handle.abandon(false)
    this.#close()
  }

  #close(): void {
    this.#closed = true
    this.#reading?.cancel()
    this.#writing?.cancel()
    this.#handle.close()
    this.#stream.end()
  }

  #read(max: number, waits: boolean): void {
    const step = (): Progress => {
      const bytes = this.#handle.read(Math.min(max, MAX_READ_BYTES), waits)
      if (bytes === undefined) return 'wait'
      const flags = this.#handle.delicate ? FRAME_FLAG.DELICATE : 0
      this.#stream.sendBytes(FRAME.READ, flags, Buffer.from(bytes))
      return 'done'
    }
    this.#reading = new BlockingCall(this.#handle, 'read', {
      step,
      waits,
      fail: (error) => fail(this.#stream, error),
    })
  }

  #write(bytes: Buffer, first: boolean, waits: boolean): void {
    let written = 0
    const answer = (): void =>
      this.#stream.send({ written: { count: written, delicate: this.#handle.delicate } })
    const settle = (): boolean => {
      if (written > 0) answer()
      return written > 0
    }
    const step = (): Progress => {
      const rest = bytes.subarray(written)
      const accepted =
        rest.length === 0 ? 0 : this.#handle.write(rest, { first: first && written === 0, waits })
      if (accepted === undefined) return 'wait'
      written += accepted
      if (written < bytes.length) return 'again'
      answer()
      return 'done'
    }
    const call = { step, waits, settle, fail: (error: unknown) => fail(this.#stream, error, true) }
    this.#writing = new BlockingCall(this.#handle, 'write', call)
  }

  #poll(): void {
    this.#armed = true
    if (!this.#watching) {
      this.#watching = true
      this.#handle.watch(() => this.#changed())
    }
    this.#tell()
  }

  #changed(): void {
    if (this.#closed || !(this.#asking || this.#armed)) return
    if (!this.#asking) this.#armed = false
    setImmediate(() => this.#tell())
  }

  #tell(): void {
    if (this.#closed) return
    const ready = this.#handle.ready()
    this.#asking = ready === undefined
    if (ready) this.#stream.send({ ready: { ...ready, delicate: this.#handle.delicate } })
  }
}

function decodePath(bytes: Uint8Array | null | undefined): string {
  const path = decodeName(bytes ?? new Uint8Array(0))
  checkPath(path)
  return path
}

function encodeStat(stat: Stat): circuit.Stat.$Properties {
  if (stat.kind === 'link') return { link: true, target: encodeName(stat.target) }
  const { id, files, changed, children = 0, element = '' } = stat
  return { id, files: [...files], changed, children, element }
}

const encodeListed = ({ name, stat }: Listed): circuit.Listed.$Properties => ({
  name: encodeName(name),
  ...(stat && { stat: encodeStat(stat) }),
})
