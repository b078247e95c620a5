/** Asks a nameserver the same question over UDP again and again, with many questions under way, until it is told to end. */
import { createSocket } from 'node:dgram'

/** Questions that are under way. */
const WINDOW = 64
/** A question that was lost on its way is asked again after so long. */
const LOST_MS = 2000

export interface Flood {
  /** Stops asking; how many answers came. */
  stop(): Promise<number>
}

/**
 * @param address HOST:PORT
 * @param question a query in wire form; its id is changed
 * @param heard is told each answer, in the order in which the questions were asked as far as nothing overtakes
 */
export function flood(address: string, question: Buffer, heard: (answer: Buffer) => void): Flood {
  const [host = '', port = ''] = address.split(':')
  const socket = createSocket({ type: 'udp4', lookup: (name, _options, found) => found(null, name, 4) })
  const asked = new Map<number, number>()
  let answers = 0
  let next = 0
  let stopped = false
  const ask = (): void => {
    const id = next++ & 0xffff
    const message = Buffer.from(question)
    message.writeUInt16BE(id)
    asked.set(id, Date.now())
    socket.send(message, Number(port), host)
  }
  socket.on('message', (answer: Buffer) => {
    if (!asked.delete(answer.readUInt16BE(0))) return
    answers++
    heard(answer)
    if (!stopped) ask()
  })
  const again = setInterval(() => {
    for (const [id, time] of asked)
      if (Date.now() - time > LOST_MS) {
        asked.delete(id)
        ask()
      }
  }, LOST_MS)
  for (let n = 0; n < WINDOW; n++) ask()
  return {
    async stop() {
      stopped = true
      clearInterval(again)
      for (const end = Date.now() + LOST_MS; asked.size > 0 && Date.now() < end; )
        await new Promise((resolve) => setTimeout(resolve, 5))
      socket.close()
      return answers
    },
  }
}

/** The IPv4 addresses of an answer that consists of A records of the name that was asked for, sorted. */
export function addressesIn(answer: Buffer): string[] {
  const count = answer.readUInt16BE(6)
  const end = answer.length
  return Array.from({ length: count }, (_, n) =>
    answer.subarray(end - 16 * n - 4, end - 16 * n).join('.'),
  ).sort()
}
