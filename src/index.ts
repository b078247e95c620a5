/**
 * The client library of circuit.
 *
 *     import { connect } from 'circuitfs'
 *
 *     const circuit = await connect()
 *     await circuit.make('/self/hello')
 *     await circuit.command('/self/hello', 'run echo hello, world')
 *     console.log(await circuit.readText('/self/hello/stdout'))
 *     await circuit.remove('/self/hello')
 *     await circuit.close()
 */
export {
  Circuit,
  type CommandOptions,
  type ConnectOptions,
  connect,
  type Entry,
  type MakeOptions,
  type Mode,
  type ServerEntry,
  type WriteOptions,
} from './client/circuit.ts'
export { type CallOptions, OpenFile } from './client/open-file.ts'
export type { Readiness } from './node/handle.ts'
export type { AnchorStat, LinkStat, Stat } from './node/namespace.ts'
export { type Key, parseKey, readKey } from './node/peer/key.ts'
export { CircuitError, type ErrorCode } from './proto/errors.ts'
