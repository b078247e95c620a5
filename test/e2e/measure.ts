/** What tests measure of a server, from outside. */
import { readFileSync } from 'node:fs'
import type { TestServer } from '../server.ts'

/** A number of the server's `metrics`, by its name without `circuit_`. */
export async function metric(server: TestServer, name: string): Promise<number> {
  const { stdout } = await server.sh('cat $S/metrics')
  return Number(new RegExp(`^circuit_${name} (.+)$`, 'm').exec(stdout)?.[1] ?? Number.NaN)
}

/** CPU time that a process has used, in clock ticks of 10 ms: fields 14 and 15 of proc_pid_stat(5). */
export function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[14 - 3]) + Number(fields[15 - 3])
}

/** Resident memory of a process, in MB. */
export function residentMB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}
