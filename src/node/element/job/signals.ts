/** Signals by the names that users give them. */
import { constants } from 'node:os'
import { CircuitError } from '../../../proto/errors.ts'

const NUMBERS: Readonly<Record<string, number>> = constants.signals
/** SIGRTMAX on Linux. */
const LAST_SIGNAL = 64

/** The number of `TERM`, `SIGTERM`, `term` or `15`. @throws CircuitError EINVAL */
export function parseSignal(text: string): number {
  const name = text.trim().toUpperCase()
  const number = /^\d{1,2}$/.test(name) ? Number(name) : NUMBERS[name.startsWith('SIG') ? name : `SIG${name}`]
  if (number !== undefined && number >= 1 && number <= LAST_SIGNAL) return number
  throw new CircuitError(
    'EINVAL',
    `there is no signal ${JSON.stringify(text.trim())}; write a name like TERM or a number like 15`,
  )
}

/** 128 + the signal's number: the status that a shell gives a process killed by it. */
export const shellStatus = (signal: NodeJS.Signals): number => 128 + (NUMBERS[signal] ?? 0)
