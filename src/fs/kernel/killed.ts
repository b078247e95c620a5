/** How a process that is closing its files comes to its end. */
import { readFileSync } from 'node:fs'
import { MAX_WRITE_BYTES } from './abi.ts'

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

/** Numbers of the calls that read a file: into one buffer, as read and pread64, or into many, readv, preadv, preadv2. */
const READ_CALLS: Readonly<
  Partial<Record<NodeJS.Architecture, { one: readonly number[]; many: readonly number[] }>>
> = { x64: { one: [0, 17], many: [19, 295, 327] }, arm64: { one: [63, 67], many: [65, 69, 286] } }
/** A read of more bytes than this may come in several requests. */
const ONE_REQUEST_BYTES = MAX_WRITE_BYTES - 4096

/**
 * Whether a thread that is ending was killed within a read of so many bytes, so that what that gave was never seen: the
 * call in which it was killed stays what /proc/PID/syscall says of it, with -1 for none. Undefined where /proc does not
 * tell: where the thread has gone already, or may not be looked at. To be asked of an ending process only, as /proc
 * makes us wait for one that is in execve(2), and that one may be waiting for us.
 */
export function isKilledReading(pid: number, bytes: number): boolean | undefined {
  const calls = READ_CALLS[process.arch]
  if (calls === undefined) return undefined
  try {
    if (!hasNoMemory(pid)) return undefined
    // "running" is what it says until the thread, which waits for our answer, has gone to sleep.
    for (let tries = 0; tries < 1000; tries++) {
      const said = readFileSync(`/proc/${pid}/syscall`, 'latin1')
      if (said.startsWith('running')) continue
      const [call, , , count] = said.split(' ').map(Number)
      if (call === undefined || said.startsWith('-1 0x0 ')) return undefined
      if (calls.many.includes(call)) return true
      return calls.one.includes(call) && count !== undefined && (count === bytes || count > ONE_REQUEST_BYTES)
    }
  } catch {}
  return undefined
}
