/**
 * Membership on real hosts, for long: what may happen to servers, again and again. Only when asked for:
 * `npm run bench -- endurance --hosts 10 --rounds 30`, in parts with `--parts kills,storm`.
 */

import { cuts, kills, pauses, replacements, stops } from '../endurance/ends.ts'
import { asymmetric, halves, joins, strangers, wrongs } from '../endurance/histories.ts'
import { storm } from '../endurance/storm.ts'
import { strains } from '../endurance/strain.ts'
import { type Many, withMany } from '../many.ts'
import type { Fact, Group } from '../report.ts'

const MINUTE = 60_000
const LONG_PAUSE_MS = 30_000

/** Those that begin and end with all servers running, on one network. */
const PARTS: Readonly<Record<string, (many: Many, rounds: number) => Promise<Fact[]>>> = {
  kills,
  stops,
  cuts,
  replacements: (many, rounds) => replacements(many, Math.min(rounds, 10)),
  pauses: (many, rounds) => pauses(many, Math.min(rounds, 10), LONG_PAUSE_MS),
  asymmetric,
  halves: (many) => halves(many, MINUTE),
  strains: (many) => strains(many, MINUTE),
  storm: (many) => storm(many, 5 * MINUTE),
}

export const endurance: Group = {
  name: 'endurance',
  title: 'Membership between hosts, for long',
  parts: [...Object.keys(PARTS), 'joins', 'strangers'],
  async run(rounds, { hosts, parts }) {
    const facts: Fact[] = []
    for (const size of hosts) {
      const chosen = Object.entries(PARTS).filter(([name]) => parts.includes(name))
      if (chosen.length > 0)
        await withMany(size, async (many) => {
          for (const [, part] of chosen) facts.push(...(await part(many, rounds)))
          facts.push(...wrongs(many, parts.join(', ')))
        })
      if (parts.includes('joins')) facts.push(...(await joins(size)))
      if (parts.includes('strangers')) facts.push(...(await strangers(size)))
    }
    return { comparisons: [], facts }
  },
}
