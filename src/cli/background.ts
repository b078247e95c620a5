/** A command that goes on in the background once it has done what its caller waits for. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/**
 * Runs this program again with other arguments, in a session of its own, and waits until it says that it is ready, or ends. What it
 * says on stderr until then is ours; what it says later is lost.
 * @param ready what a line begins with that says so
 * @returns an exit status
 */
export async function runInBackground(args: readonly string[], ready: string): Promise<number> {
  const [, main = ''] = process.argv
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  const isReady = new Promise<0>((resolve) =>
    createInterface({ input: child.stderr }).on('line', (line) => {
      console.error(line)
      if (line.startsWith(ready)) resolve(0)
    }),
  )
  const status = await Promise.race([isReady, ended.then(([code]) => code ?? 1)])
  child.stderr.destroy()
  child.unref()
  return status
}
