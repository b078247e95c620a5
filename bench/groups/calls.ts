/** Single calls, one after the other, against the C file server: what a request costs. */
import type { Circuit } from '../circuit.ts'
import { ENDLESS, inEachPlace, type Place } from '../place.ts'
import type { Comparison, Group } from '../report.ts'

export const calls: Group = {
  name: 'calls',
  title: 'Calls, against a C file server',
  run: (rounds) =>
    inEachPlace(rounds, (place) =>
      place.floorFs((floor) =>
        place.circuit(async (circuit) => [
          ...(await metadata(place, floor.small, await circuit.anchor())),
          ...(await smallWrites(place, floor.sink, circuit)),
        ]),
      ),
    ),
}

async function metadata(place: Place, small: string, anchor: string): Promise<Comparison[]> {
  const stat = (path: string) => place.rate('stat', path, ENDLESS)
  const read = (path: string) => place.rate('openread', path, ENDLESS)
  return [
    await place.compare('stat of `peek`, uncached', stat(small), stat(`${anchor}/peek`), { target: 0.4 }),
    await place.compare('stat of `ctl`, uncached', stat(small), stat(`${anchor}/ctl`)),
    await place.compare('open, read, close of `peek`', read(small), read(`${anchor}/peek`), { target: 0.4 }),
    await place.compare('open, read, close of `help`', read(small), read(`${anchor}/help`)),
  ]
}

const smallWrites = (place: Place, sink: string, circuit: Circuit): Promise<Comparison[]> =>
  place.layer(async (layer) => {
    const write = (path: string) => place.rate('smallwrite', path, '100', ENDLESS)
    const writeStdin = async (): Promise<number> =>
      write(`${await circuit.runLoad(['drain', '-', '64K'])}/stdin`)()
    return [
      await place.compare('100-byte writes, kernel layer alone', write(sink), write(`${layer}/sink`), {
        target: 0.45,
      }),
      await place.compare('100-byte writes to `stdin`, on into its pipe', write(sink), writeStdin),
    ]
  })
