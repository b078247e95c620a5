/** The streams of a process, against the same program at a FIFO, and one long message against stdout. */
import type { Circuit } from '../circuit.ts'
import { inEachPlace, type Measure, type Place } from '../place.ts'
import type { Comparison, Group } from '../report.ts'

const TOTAL = '512M'
/** What cat reads and writes at a time. */
const BLOCK = '128K'
const MESSAGE = '200000000'
const UNIT = { unit: 'MB/s' }

export const streams: Group = {
  name: 'streams',
  title: 'Streams of a process, against the same program at a FIFO',
  run: (rounds) => inEachPlace(rounds, (place) => place.circuit((circuit) => compareStreams(place, circuit))),
}

const compareStreams = (place: Place, circuit: Circuit): Promise<Comparison[]> =>
  place.fifo(async (fifo) => {
    const toFifo = (block: string) => place.pairSpeed(['drain', fifo, block], ['pump', fifo, block, TOTAL])
    const fromStdout = (block: string): Measure => {
      return async () => {
        const anchor = await circuit.runLoad(['pump', '-', block, TOTAL])
        return place.wholeSpeed('drain', `${anchor}/stdout`, block)()
      }
    }
    const toStdin = (block: string): Measure => {
      return async () => {
        const anchor = await circuit.runLoad(['drain', '-', block])
        return place.wholeSpeed('seqwrite', `${anchor}/stdin`, block, TOTAL)()
      }
    }
    const target = { ...UNIT, target: 0.3 }
    return [
      await place.compare('`stdout`, 128 KiB at a time', toFifo(BLOCK), fromStdout(BLOCK), target),
      await place.compare('`stdout`, 1 MiB at a time', toFifo('1M'), fromStdout('1M'), target),
      await place.compare('`stdin`, 128 KiB at a time', toFifo(BLOCK), toStdin(BLOCK), target),
      await place.compare('`stdin`, 1 MiB at a time', toFifo('1M'), toStdin('1M'), target),
      await place.compare(
        'a message of 200 MB to a waiting receiver, against `stdout`',
        fromStdout(BLOCK),
        await oneMessage(place, circuit),
        { ...UNIT, target: 0.5 },
      ),
    ]
  })

async function oneMessage(place: Place, circuit: Circuit): Promise<Measure> {
  const channel = await circuit.anchor('mkchan')
  return place.pairSpeed(['drain', `${channel}/recv`, BLOCK], ['seqwrite', `${channel}/send`, BLOCK, MESSAGE])
}
