/** How a process that is closing its files comes to its end. */
import { readFileSync } from 'node:fs'

/** The process is in do_exit (include/linux/sched.h). */
const PF_EXITING = 0x4

/**
 * Whether a process is ending by a signal, asked while it closes its files (exit_files in do_exit, which sends
 * FLUSH). proc_pid_stat(5): flags is field 9, exit_code, as in wait(2), field 52. PF_SIGNALED won't do: the last
 * thread of a process that exits in order carries it too. False where /proc does not tell: for a process in another
 * pid namespace (its id is 0 here), and, to a server that is not root, for processes of other users.
 */
export function isKilled(pid: number): boolean {
  if (pid === 0) return false
  try {
    if (!hasNoMemory(pid)) return false
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[9 - 3]) & PF_EXITING) !== 0 && (Number(fields[52 - 3]) & 0x7f) !== 0
  } catch {
    return false
  }
}

/**
 * An ending process has given up its memory before its files (exit_mm in do_exit). To be asked first: one that closes
 * files in execve(2) holds its exec_update_lock until we have answered, and reading its stat waits for that lock, so
 * that both would hang, out of the reach of any signal. statm takes no lock.
 */
const hasNoMemory = (pid: number): boolean => readFileSync(`/proc/${pid}/statm`, 'latin1').startsWith('0 ')
