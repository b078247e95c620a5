/**
 * What /proc says of a process.
 *
 * The server's own thread must not read a process's `stat`: one that is in execve(2) holds its exec_update_lock, for
 * which that reading waits, and may itself be waiting for this server to let it close a file of the tree.
 */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import type { Exit } from '../job/exit.ts'

/** The state letter of a process, or undefined when it is no more. Takes no lock of the process. */
export function processState(pid: number): string | undefined {
  try {
    return /^State:\t(.)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  } catch {
    return undefined
  }
}

/**
 * When a process started, in clock ticks since boot: field 22 of proc_pid_stat(5). Undefined when it is no more. May
 * wait for the server: to be called from another thread.
 */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

/** How a process ended that nobody has waited for yet; undefined while it runs, or when it is no more. */
export function exitOfZombie(pid: number): Exit | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    // Its first thread may end before the others. One that has ended is in no execve(2).
    if (!/^State:\tZ/m.test(status) || !/^Threads:\t1$/m.test(status)) return undefined
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // exit_code, field 52, as wait(2) has it.
    const code = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[52 - 3])
    const signal = signalNames.get(code & 0x7f)
    return signal ? { code: null, signal } : { code: code >> 8, signal: null }
  } catch {
    return undefined
  }
}

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]),
)
