/**
 * A program that asks a nameserver the same question over UDP again and again, with many questions under way:
 *
 *   node flood.js HOST:PORT NAME MS
 *
 * until so much time has passed since it got a second kind of answer, or a minute in all. Then it prints, as JSON, how many
 * answers came, and how often which set of IPv4 addresses was in them.
 */
import { createSocket } from 'node:dgram'
import { query } from './node/element/nameserver/message.ts'

/** Questions that are under way. */
const WINDOW = 64
/** A question that was lost on its way is given up after so long. */
const LOST_MS = 500
const LIMIT_MS = 60_000

/** The addresses of an answer that consists of A records of the name that was asked for, sorted. */
function addressesIn(answer: Buffer): string[] {
  const from = answer.length - 16 * answer.readUInt16BE(6)
  const found = Array.from({ length: answer.readUInt16BE(6) }, (_, n) =>
    answer.subarray(from + 16 * n + 12, from + 16 * (n + 1)),
  )
  return found.map((address) => address.join('.')).sort()
}

const [address = '', name = '', duration = ''] = process.argv.slice(2)
const [host = '', port = ''] = address.split(':')
const socket = createSocket({ type: 'udp4', lookup: (host, _options, found) => found(null, host, 4) })
const question = query(name, 'A')
const asked = new Map<number, number>()
const seen: Record<string, number> = {}
let answers = 0
let next = 0

function ask(): void {
  const id = next++ & 0xffff
  const message = Buffer.from(question)
  message.writeUInt16BE(id)
  asked.set(id, Date.now())
  socket.send(message, Number(port), host)
}

socket.on('message', (answer: Buffer) => {
  if (!asked.delete(answer.readUInt16BE(0))) return
  answers++
  const what = addressesIn(answer).join(' ')
  seen[what] = (seen[what] ?? 0) + 1
  if (seen[what] === 1 && Object.keys(seen).length === 2) setTimeout(end, Number(duration))
  ask()
})
for (let n = 0; n < WINDOW; n++) ask()
setInterval(() => {
  for (const [id, time] of asked)
    if (Date.now() - time > LOST_MS) {
      asked.delete(id)
      ask()
    }
}, LOST_MS)
setTimeout(end, LIMIT_MS)

function end(): void {
  console.log(JSON.stringify({ answers, seen }))
  process.exit(0)
}
