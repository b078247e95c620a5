/** Answers the calls of the other side: a namespace, served over a connection. */

import type { circuit } from '../../proto/circuit.pb.js'
import { CircuitError } from '../../proto/errors.ts'
import { checkPath, decodeName, encodeName } from '../../proto/path.ts'
import { type Caller, TextHandle } from '../handle.ts'
import { type Listed, type Namespace, type Soon, type Stat, when } from '../namespace.ts'
import type { Control, Stream, StreamEvents } from './connection.ts'
import { fail } from './failure.ts'
import { ServedFile } from './served-file.ts'

/** Longest text that is sent without its being asked for. */
const MAX_TEXT_BYTES = 64 << 10

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
    const failed = (thrown: unknown): void => {
      fail(stream, thrown)
      stream.end()
    }
    try {
      const answer = call.open ? this.#open(stream, call.open) : this.#answer(stream, call)
      if (answer instanceof Promise) answer.catch(failed)
    } catch (thrown) {
      failed(thrown)
    }
  }

  async #answer(stream: Stream, call: Control): Promise<void> {
    const namespace = this.#namespace
    stream.events = UNHEARD
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

  #open(stream: Stream, call: circuit.OpenCall.$Properties): Soon<void> {
    const mode = {
      read: call.read === true,
      write: call.write === true,
      append: call.append === true,
      truncate: call.truncate === true,
    }
    let lost = false
    const opening = this.#namespace.open(decodePath(call.path), call.file ?? '', mode, this.#caller(call.who))
    if (opening instanceof Promise) stream.events = { ...UNHEARD, onLost: () => (lost = true) }
    return when(opening, (handle) => {
      if (lost) return handle.close()
      if (handle instanceof TextHandle && handle.length <= MAX_TEXT_BYTES) return sendText(stream, handle)
      stream.events = new ServedFile(handle, stream)
      stream.send({ opened: { delicate: handle.delicate } })
    })
  }

  #caller(who: circuit.Who.$Properties | null | undefined): Caller {
    return { uid: who?.uid ?? 0, gid: who?.gid ?? 0, pid: who?.pid ?? 0, peer: this.#peer }
  }
}

/** Until a call is answered nothing more is expected on its stream. */
const UNHEARD: StreamEvents = { onControl: () => {}, onBytes: () => {}, onLost: () => {} }

/** A short text goes whole with the answer to its open. */
function sendText(stream: Stream, handle: TextHandle): void {
  stream.send({ opened: { whole: true, text: handle.read(MAX_TEXT_BYTES) } })
  handle.close()
  stream.end()
}

function decodePath(bytes: Uint8Array | null | undefined): string {
  const path = decodeName(bytes ?? new Uint8Array(0))
  checkPath(path)
  return path
}

function encodeStat(stat: Stat): circuit.Stat.$Properties {
  if (stat.kind === 'link') return { link: true, target: encodeName(stat.target) }
  const { id, files, changed, children, element = '' } = stat
  return { id, files: [...files], changed, element, ...(children !== undefined && { children }) }
}

const encodeListed = ({ name, stat }: Listed): circuit.Listed.$Properties => ({
  name: encodeName(name),
  ...(stat && { stat: encodeStat(stat) }),
})
