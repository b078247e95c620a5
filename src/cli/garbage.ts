/** How V8 collects the garbage of a process that moves many bytes. */
import { setFlagsFromString } from 'node:v8'

/**
 * Makes V8 free short-lived buffers soon. Each record that a socket deciphers is a buffer of 16 KiB outside the heap, and a few
 * hundred bytes in it. When there are 64 MiB of such buffers V8 looks through its whole heap: six times a second at 400 MB/s, for a third of
 * the CPU time. That does not come to pass where its young generation stays as small as it is at the start, 1 MiB, so that it
 * is looked through often; where that is done in one thread, as there is little in it; and where buffers found to be garbage are freed at once.
 *
 * Not for commands that are over soon: V8 takes what it compiled before (scripts/bundle) only under the flags of then.
 */
export function freeBuffersSoon(): void {
  for (const flag of [
    '--semi-space-growth-factor=1',
    '--no-parallel-scavenge',
    '--no-concurrent-array-buffer-sweeping',
  ])
    setFlagsFromString(flag)
}
