/**
 * What idle membership costs at least: two bare Nodes that do what two servers do that have only each other, a ping each
 * 0.7 s, its answer, and a timer for that; with `sealed` as the third word they also encipher and decipher them, as Node does it with
 * the fewest calls. `node pair.js PORT OTHER-PORT [sealed]`
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { LAN } from '../src/node/cluster/timing.ts'

/** As long as those of servers are, with the seal. */
const BYTES = 76
const TAG_BYTES = 16
const [own = 0, other = 0] = process.argv.slice(2, 4).map(Number)
const sealed = process.argv[4] === 'sealed'
const PING = Buffer.alloc(sealed ? BYTES - TAG_BYTES : BYTES, 1)
const ACK = Buffer.alloc(PING.length, 2)
const KEY = Buffer.alloc(32)
const NONCE = Buffer.alloc(12)

function seal(content: Buffer): Buffer {
  if (!sealed) return content
  const cipher = createCipheriv('aes-256-gcm', KEY, NONCE)
  return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()])
}

function open(bytes: Buffer): Buffer {
  if (!sealed) return bytes
  const decipher = createDecipheriv('aes-256-gcm', KEY, NONCE)
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()])
}

const socket = createSocket({ type: 'udp4', lookup: (address, _options, found) => found(null, address, 4) })
let late: NodeJS.Timeout | undefined
socket.on('message', (bytes) => {
  if (open(bytes)[0] === PING[0]) socket.send(seal(ACK), other, '127.0.0.1', () => {})
  else clearTimeout(late)
})
socket.bind(own, '127.0.0.1', () => {
  setInterval(() => {
    late = setTimeout(() => {}, LAN.ackTimeout)
    socket.send(seal(PING), other, '127.0.0.1', () => {})
  }, LAN.probeInterval)
  console.log('ready')
})
