/** Between open files and the standard streams. Only data goes to stdout. */
import { setImmediate } from 'node:timers/promises'
import { isatty } from 'node:tty'
import type { OpenFile } from '../client/open-file.ts'
import { Progress } from './progress.ts'

/** Nobody reads our stdout any more: the command ends as one that was killed by SIGPIPE. */
export class OutputClosed extends Error {}

const STDIN = 0
const STDOUT = 1

let broken = false

/** Writes, and waits until it is written. @throws OutputClosed, or Error in words */
export function writeOut(
  bytes: Uint8Array | string,
  stream: NodeJS.WriteStream = process.stdout,
): Promise<void> {
  if (!broken && stream.listenerCount('error') === 0) stream.on('error', () => {})
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => {
      if (!error) return resolve()
      broken = (error as NodeJS.ErrnoException).code === 'EPIPE'
      reject(broken ? new OutputClosed() : new Error(`can't write: ${error.message}`, { cause: error }))
    })
  })
}

/** JSON as peek prints it. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, '\t')}\n`

/** Copies a file to the standard output, to its end. What nobody took there stays for the next reader. */
export async function copyOut(file: OpenFile): Promise<void> {
  const progress = new Progress(STDOUT)
  try {
    for (;;) {
      const bytes = await file.read()
      if (bytes.length === 0) break
      await writeOut(bytes)
      progress.add(bytes.length)
    }
  } catch (error) {
    file.abandon({ unseen: true })
    throw error
  } finally {
    progress.end()
  }
  await file.close()
}

/** The standard input, as it comes; it is left alone afterwards, so that the command can end. */
export async function* standardInput(): AsyncGenerator<Buffer> {
  try {
    yield* process.stdin
  } finally {
    process.stdin.destroy()
  }
}

/** Copies the standard input to a file, and closes that. */
export async function copyIn(file: OpenFile): Promise<void> {
  const progress = new Progress(STDIN)
  try {
    for await (const bytes of standardInput()) progress.add(await file.write(bytes))
    // Ctrl-C ends those who write here too, and that is no end of the input. Its signal is heard in this turn of the event loop or in the next.
    await setImmediate()
    await setImmediate()
  } catch (error) {
    file.abandon()
    throw error
  } finally {
    progress.end()
  }
  await file.close()
}

/** The whole standard input. @param what it is, for whoever is to type it */
export async function readInput(what: string): Promise<string> {
  if (isatty(STDIN)) console.error(`circuit: ${what} is read from this terminal; Ctrl-D ends it`)
  const pieces: Buffer[] = []
  for await (const piece of standardInput()) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
