/**
 * What idle membership costs at least: two bare Nodes that do what two servers do that have only each other, an unsealed ping each
 * 0.7 s, its answer, and a timer for that. `node pair.js PORT OTHER-PORT`
 */
import { createSocket } from 'node:dgram'
import { LAN } from '../src/node/cluster/timing.ts'

/** As long as those of servers are, with the seal. */
const BYTES = 76
const [own = 0, other = 0] = process.argv.slice(2).map(Number)
const PING = Buffer.alloc(BYTES, 1)
const ACK = Buffer.alloc(BYTES, 2)

const socket = createSocket({ type: 'udp4', lookup: (address, _options, found) => found(null, address, 4) })
let late: NodeJS.Timeout | undefined
socket.on('message', (bytes) => {
  if (bytes[0] === PING[0]) socket.send(ACK, other, '127.0.0.1', () => {})
  else clearTimeout(late)
})
socket.bind(own, '127.0.0.1', () => {
  setInterval(() => {
    late = setTimeout(() => {}, LAN.ackTimeout)
    socket.send(PING, other, '127.0.0.1', () => {})
  }, LAN.probeInterval)
  console.log('ready')
})
