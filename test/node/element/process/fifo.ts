/** A real pipe, by way of a FIFO: one end for the code under test, one for the test. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Ends {
  readonly reader: number
  readonly writer: number
}

/** Both ends don't block. */
export function openFifo(): Ends {
  const directory = mkdtempSync(join(tmpdir(), 'circuit-fifo-'))
  const path = join(directory, 'fifo')
  execFileSync('mkfifo', [path])
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants
  const reader = openSync(path, O_RDONLY | O_NONBLOCK)
  const writer = openSync(path, O_WRONLY | O_NONBLOCK)
  rmSync(directory, { recursive: true })
  return { reader, writer }
}

/** What can be read now; undefined at the end of the file. */
export function readNow(fd: number, max = 1 << 20): Buffer | undefined {
  const buffer = Buffer.alloc(max)
  try {
    const size = readSync(fd, buffer, 0, max, null)
    return size === 0 ? undefined : buffer.subarray(0, size)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return Buffer.alloc(0)
    throw error
  }
}

export function closeIfOpen(fd: number): void {
  try {
    closeSync(fd)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
  }
}
