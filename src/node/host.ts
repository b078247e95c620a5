/** What a server offers to the elements on it. */
import type { Budget } from './budget.ts'
import type { Members } from './circuit.ts'
import type { Spawner } from './element/process/spawner.ts'
import type { OpLog } from './oplog.ts'

export interface Host {
  /** X and 16 hexadecimal digits. */
  readonly id: string
  readonly name: string
  readonly spawner: Spawner
  readonly log: OpLog
  /** Whether containers may be made. */
  readonly docker: boolean
  /** Bytes that messages may occupy while they wait in channels. */
  readonly messageBudget: Budget
  /** The servers of the circuit, as this one knows them now. */
  members(): Members
  /** What `peek` of the server says. */
  describe(): Record<string, unknown>
  /** Somebody else than this server's mount has made or removed an anchor: settles when the mount knows. */
  changedByOthers(path: string): Promise<void>
  /** Makes this server's circuit and that of the server at a URL one. @throws CircuitError */
  join(url: string): Promise<void>
  /** Numbers for `metrics`. */
  metrics(): string
  /** Stops the server in order, after what is being answered now has been answered. */
  stop(): void
}
