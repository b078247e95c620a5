/** How a job ended. */
import { shellStatus } from './signals.ts'

export interface Exit {
  /** Exit code, or null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The status as a shell says it: 0, 3, 143. */
export const statusOf = ({ code, signal }: Exit): number =>
  signal === null ? (code ?? 0) : shellStatus(signal)
