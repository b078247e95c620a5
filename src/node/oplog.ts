/** The server's operations in the order in which they were executed: the last ones kept, new ones announced. */
import type { Caller, Cancel } from './handle.ts'

/** Entries that `log` keeps. */
export const LOG_ENTRIES = 10_000
/** Of a path so many characters are kept: those of deep anchors have no limit. */
const MAX_PATH = 4096

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

interface Numbered extends Entry {
  readonly sequence: number
  readonly time: number
}

export class OpLog {
  readonly #kept: Numbered[] = []
  readonly #listeners = new Set<(line: string) => void>()
  #sequence = 0

  /** Operations since the start. */
  get count(): number {
    return this.#sequence
  }

  add(entry: Entry): void {
    const sequence = ++this.#sequence
    const path = entry.path.slice(0, MAX_PATH)
    const numbered: Numbered = { ...entry, path, sequence, time: Date.now() }
    this.#kept[sequence % LOG_ENTRIES] = numbered
    if (this.#listeners.size === 0) return
    const line = format(numbered)
    for (const listener of this.#listeners) listener(line)
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

function format({ sequence, time, who, operation, path, command, outcome }: Numbered): string {
  const by = who && { uid: who.uid, pid: who.pid, peer: who.peer }
  return `${JSON.stringify({ seq: sequence, time: new Date(time).toISOString(), who: by ?? 'server', op: operation, path, command, outcome })}\n`
}
