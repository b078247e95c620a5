/**
 * What /proc says of a process.
 *
 * The server's own thread must not read a process's `stat`: one that is in execve(2) holds its exec_update_lock, for
 * which that reading waits, and may itself be waiting for this server to let it close a file of the tree.
 */
import { readFileSync } from 'node:fs'

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
