/** Messages of 100 bytes from one program to another, against FIFOs and Redis. */
import { inEachPlace, type Place } from '../place.ts'
import type { Comparison, Group } from '../report.ts'

const EACH = '4000'
const KEPT = '20000'

export const messages: Group = {
  name: 'messages',
  title: 'Messages of 100 bytes between two programs',
  run: (rounds) =>
    inEachPlace(rounds, (place) =>
      place.circuit(async (circuit) => compareMessages(place, await circuit.anchor('mkchan'))),
    ),
}

const compareMessages = (place: Place, channel: string): Promise<Comparison[]> =>
  place.fifo((fifo) =>
    place.redis(async (socket) => {
      const recv = `${channel}/recv`
      const send = `${channel}/send`
      const each = place.pairRate(['recv-each', recv, EACH], ['send-each', send, EACH])
      const kept = place.pairRate(['recv-kept', recv, KEPT], ['send-kept', send, KEPT])
      const fifoEach = place.pairRate(['fifo-recv', 'each', fifo, EACH], ['fifo-send', 'each', fifo, EACH])
      const fifoKept = place.pairRate(['fifo-recv', 'kept', fifo, KEPT], ['fifo-send', 'kept', fifo, KEPT])
      const redis = place.pairRate(['redis-pop', socket, KEPT], ['redis-push', socket, KEPT])
      const unit = 'messages/s'
      return [
        await place.compare('an open a message, against a FIFO', fifoEach, each, { unit, least: 3000 }),
        await place.compare('an open a message, against Redis', redis, each, { unit }),
        await place.compare('files kept open, against a FIFO', fifoKept, kept, { unit, least: 20_000 }),
        await place.compare('files kept open, against Redis', redis, kept, { unit }),
      ]
    }),
  )
