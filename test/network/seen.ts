/** What hosts see of each other. */
import { readdir } from 'node:fs/promises'
import type { Host } from '../network.ts'
import { until } from '../server.ts'

/** Awaits that all of them list exactly these; says how long it took the slowest, in ms. */
export async function seen(
  observers: readonly Host[],
  expected: readonly Host[],
  limit = 30_000,
): Promise<number> {
  const start = performance.now()
  const ids = sorted(expected.map(({ id }) => id))
  const sees = async ({ mount }: Host): Promise<boolean> =>
    sorted((await readdir(mount)).filter((name) => name.startsWith('X'))) === ids
  await until(async () => (await Promise.all(observers.map(sees))).every(Boolean), limit)
  return Math.round(performance.now() - start)
}

const sorted = (names: string[]): string => names.sort().join()

/** Subscribes on a host's own server; each call gives the identities that came since the last. */
export async function events(host: Host, source: 'join' | 'leave'): Promise<() => Promise<string[]>> {
  const made = await host.run(`mkdir $S/${source} && echo mk@${source} > $S/${source}/ctl`)
  if (made.status !== 0) throw new Error(made.stderr)
  const script = `cd $S/${source}; while ! grep -q '"Pending": 0' peek; do cat recv; done`
  return async () => {
    const { stdout } = await host.run(script)
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.slice(1))
  }
}
