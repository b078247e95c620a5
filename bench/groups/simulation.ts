/**
 * Membership of many servers, simulated by the same state machines: what depends on their number. `--servers 100,1000`: so many of them.
 * 1,000 take half a minute; 10,000 a quarter of an hour and 14 GB.
 */
import { fileURLToPath } from 'node:url'
import { start } from '../programs.ts'
import type { Fact, Group } from '../report.ts'

const PROGRAM = fileURLToPath(new URL('../simulate.js', import.meta.url))
/**
 * Views are never garbage, nearly all else soon is: with much room for what is new little but views is promoted. Of 10,000 servers they
 * take 12 GB; the rest is for garbage.
 */
const NODE_OPTIONS = ['--expose-gc', '--max-semi-space-size=128', '--max-old-space-size=14000']

export const simulation: Group = {
  name: 'simulation',
  title: 'Membership, simulated, with 5 % of the packets lost',
  run: async (rounds, { servers }) => {
    const facts: Fact[] = []
    for (const size of servers) facts.push(...(await simulate(size, rounds)))
    return { comparisons: [], facts }
  },
}

async function simulate(size: number, rounds: number): Promise<Fact[]> {
  const { child, output, ended } = start([
    process.execPath,
    ...NODE_OPTIONS,
    PROGRAM,
    String(size),
    String(rounds),
  ])
  await ended
  if (child.exitCode !== 0) throw new Error(`simulating ${size} servers failed: ${output.stderr}`)
  return JSON.parse(output.stdout)
}
