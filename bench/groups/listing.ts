/** What the kernel remembers, and a long listing of many anchors. */
import { mkdir } from 'node:fs/promises'
import { inEachPlace, type Place } from '../place.ts'
import type { Comparison, Group } from '../report.ts'

const ANCHORS = 10_000
/** As long as the kernel may remember our anchors. */
const REMEMBERED = { entryTimeout: 86_400, attrTimeout: 86_400 }

export const listing: Group = {
  name: 'listing',
  title: `Cached stat, and \`ls -lR\` over ${ANCHORS.toLocaleString('en-US')} directories of four files`,
  run: (rounds) =>
    inEachPlace(rounds, async (place) => [...(await cached(place)), ...(await listAll(place))]),
}

const cached = (place: Place): Promise<Comparison[]> =>
  place.floorFs(
    (floor) =>
      place.circuit(async (circuit) => {
        const stat = (path: string) => place.rate('stat', path, '1G')
        return [
          await place.compare('stat of an anchor, cached', stat(floor.small), stat(await circuit.anchor())),
        ]
      }),
    REMEMBERED,
  )

const listAll = (place: Place): Promise<Comparison[]> =>
  place.floorFs(
    (floor) =>
      place.circuit(async (circuit) => {
        const top = await circuit.anchor()
        for (let n = 0; n < ANCHORS; n++) await mkdir(`${top}/d${n}`)
        const list = (dir: string) => place.wholeRate('spawnwait', '1', 'ls', '-lR', dir)
        return [
          await place.compare('`ls -lR`', list(floor.dir), list(top), {
            rounds: 3,
            warmUp: false,
            unit: 'times/s',
          }),
        ]
      }),
    { dirs: ANCHORS, readdirplus: true },
  )
