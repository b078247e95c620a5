/** Another server's tree, over a connection: a namespace like any other, only farther. */

import type { circuit } from '../../proto/circuit.pb.js'
import { CircuitError } from '../../proto/errors.ts'
import { decodeName, encodeName } from '../../proto/path.ts'
import { type Caller, END, type Handle, type OpenMode, TextHandle } from '../handle.ts'
import type { AnchorStat, Listed, Namespace, Stat } from '../namespace.ts'
import type { Connection, Control } from './connection.ts'
import { decodeFailure } from './failure.ts'
import { RemoteFile } from './remote-file.ts'

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
      const stream = connection.open({
        onControl: ({ opened, failure }) => {
          if (opened && !opened.whole) return resolve(new RemoteFile(stream, opened.delicate === true))
          stream.end()
          if (opened) resolve(new TextHandle(opened.text ?? END))
          else reject(decodeFailure(failure ?? NO_ANSWER))
        },
        onBytes: () => {},
        onLost: reject,
      })
      stream.send({ open: { path: encodeName(path), file, ...mode, who: encodeWho(who) } })
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

/** What else an open is answered with is not of this protocol. */
const NO_ANSWER = { code: 'EPROTO', sentence: 'the other side answers what it was not asked' }

const encodeWho = ({ uid, gid, pid }: Caller): circuit.Who.$Properties => ({ uid, gid, pid })

function decodeStat(stat: circuit.Stat.$Properties | null | undefined): Stat {
  if (stat?.link) return { kind: 'link', target: decodeName(stat.target ?? END) }
  const { id = 0, files = [], changed = 0, children, element } = stat ?? {}
  return {
    kind: 'anchor',
    id: id ?? 0,
    files: files ?? [],
    element: element || undefined,
    changed: changed ?? 0,
    children: children ?? undefined,
  } satisfies AnchorStat
}
