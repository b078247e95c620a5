/** The server's operations in the order in which they were executed: the last ones kept, new ones announced. */
import type { Caller, Cancel } from './handle.ts'

/** Entries that `log` keeps. */
export const LOG_ENTRIES = 10_000

export interface Entry {
  readonly operation: string
  readonly path: string
  /** Left out for what the server does by itself, like noticing the end of a process. */
  readonly who?: Caller
  /** `ok`, or what went wrong or came out. */
  readonly outcome: string
  /** A command as it was written. */
  readonly command?: string
}

/**
 * A kept entry. Its place is used again: ten thousand entries that each live for ten thousand operations would be what
 * the garbage collector is most occupied with.
 */
interface Slot {
  sequence: number
  time: number
  operation: string
  path: string
  outcome: string
  command: string | undefined
  byServer: boolean
  uid: number
  pid: number
  peer: string | undefined
}

const emptySlot = (): Slot => ({
  sequence: 0,
  time: 0,
  operation: '',
  path: '',
  outcome: '',
  command: undefined,
  byServer: false,
  uid: 0,
  pid: 0,
  peer: undefined,
})

export class OpLog {
  readonly #kept: Slot[] = []
  readonly #listeners = new Set<(line: string) => void>()
  #sequence = 0

  /** Operations since the start. */
  get count(): number {
    return this.#sequence
  }

  add({ operation, path, who, outcome, command }: Entry): void {
    const slot = this.#take(++this.#sequence)
    slot.time = Date.now()
    slot.operation = operation
    slot.path = path
    slot.outcome = outcome
    slot.command = command
    slot.byServer = who === undefined
    slot.uid = who?.uid ?? 0
    slot.pid = who?.pid ?? 0
    slot.peer = who?.peer
    if (this.#listeners.size === 0) return
    const line = format(slot)
    for (const listener of this.#listeners) listener(line)
  }

  #take(sequence: number): Slot {
    const at = sequence % LOG_ENTRIES
    const slot = this.#kept[at] ?? emptySlot()
    this.#kept[at] = slot
    slot.sequence = sequence
    return slot
  }

  /** The kept entries as JSON lines, oldest first. */
  text(): string {
    const oldest = (this.#sequence + 1) % LOG_ENTRIES
    const inOrder =
      this.#kept.length < LOG_ENTRIES
        ? this.#kept
        : [...this.#kept.slice(oldest), ...this.#kept.slice(0, oldest)]
    return inOrder.filter(Boolean).map(format).join('')
  }

  /** Calls with each new entry, as a JSON line. */
  listen(listener: (line: string) => void): Cancel {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

function format(slot: Slot): string {
  const { sequence, time, operation, path, command, outcome, byServer, uid, pid, peer } = slot
  const who = byServer ? 'server' : { uid, pid, peer }
  return `${JSON.stringify({ seq: sequence, time: new Date(time).toISOString(), who, op: operation, path, command, outcome })}\n`
}
