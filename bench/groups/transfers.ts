/** Reads and writes of 1 MiB, against the C file server. */
import type { Circuit } from '../circuit.ts'
import { ENDLESS, inEachPlace, type Measure, type Place } from '../place.ts'
import type { Comparison, Group } from '../report.ts'

const MIB = '1M'
const UNIT = { unit: 'MB/s' }

export const transfers: Group = {
  name: 'transfers',
  title: 'Reads and writes of 1 MiB, against a C file server',
  run: (rounds) =>
    inEachPlace(rounds, (place) =>
      place.floorFs(async ({ zero, sink }) => {
        const floorRead = place.speed('seqread', zero, MIB, ENDLESS)
        const floorWrite = place.speed('seqwrite', sink, MIB, ENDLESS)
        return [
          ...(await layer(place, floorRead, floorWrite)),
          ...(await files(place, floorRead, floorWrite)),
        ]
      }),
    ),
}

const layer = (place: Place, floorRead: Measure, floorWrite: Measure): Promise<Comparison[]> =>
  place.layer(async (dir) => [
    await place.compare(
      'reads, kernel layer alone',
      floorRead,
      place.speed('seqread', `${dir}/zero`, MIB, ENDLESS),
      {
        ...UNIT,
        target: 0.7,
      },
    ),
    await place.compare(
      'writes, kernel layer alone',
      floorWrite,
      place.speed('seqwrite', `${dir}/sink`, MIB, ENDLESS),
      { ...UNIT, target: 0.7 },
    ),
  ])

/** Files of ours with the fewest parts behind them: a log that is in memory, a channel with both ends here. */
const files = (place: Place, floorRead: Measure, floorWrite: Measure): Promise<Comparison[]> =>
  place.circuit(async (circuit) => [
    await place.compare('reads of a log of 64 MiB', floorRead, await readLog(place, circuit), UNIT),
    await place.compare('writes to `send`, received at once', floorWrite, await send(place, circuit), UNIT),
  ])

async function readLog(place: Place, circuit: Circuit): Promise<Measure> {
  const anchor = await circuit.runLoad(['pump', '-', MIB, '64M'], { Stdout: 'log', Log: 64 << 20 })
  return place.wholeSpeed('drain', `${anchor}/stdout`, MIB)
}

async function send(place: Place, circuit: Circuit): Promise<Measure> {
  const channel = await circuit.anchor('mkchan')
  return place.pairSpeed(['drain', `${channel}/recv`, MIB], ['seqwrite', `${channel}/send`, MIB, '200M'])
}
