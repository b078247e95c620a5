/** Datagrams' content: what is encoded is decoded, fits, and whatever else comes is refused. */
import t from 'tap'
import { decodePacket, encodePacket } from '../../../src/node/cluster/codec.ts'
import {
  type Info,
  MAX_DATAGRAM,
  type Message,
  type Packet,
  ROOM,
  type Rumor,
  SEAL_BYTES,
  type ServerRecord,
  sizeOf,
} from '../../../src/node/cluster/messages.ts'
import { failure, type Random, random, seeds } from '../../random.ts'

const MOST = 2 ** 32 - 1
const number = (chance: Random): number => chance.pick([0, 1, 127, 128, 65_536, 2 ** 31, MOST])
const id = (chance: Random): string => `X${chance.bytes(8).toString('hex')}`
const address = (chance: Random): string =>
  chance.pick(['10.0.0.1:1', '255.255.255.255:65535', '[fe80:1234:1234:1234:1234:1234:1234:1234]:65535'])

function info(chance: Random): Info {
  const name = chance.pick([
    'a',
    'web1',
    'ü'.repeat(127),
    '漢'.repeat(85),
    'n'.repeat(255),
    'with space "and" \u2028',
  ])
  return { id: id(chance), name, address: address(chance), since: chance.pick([0, 1.8e12, 1.5]) }
}

function rumor(chance: Random): Rumor {
  const incarnation = number(chance)
  const [about, from, gone] = [id(chance), id(chance), chance.chance(0.5)]
  return chance.pick<() => Rumor>([
    () => ({ kind: 'alive', info: info(chance), incarnation }),
    () => ({ kind: 'suspect', id: about, incarnation, from }),
    () => ({ kind: 'dead', id: about, incarnation, from, gone }),
    () => ({ kind: 'left', id: about, incarnation }),
  ])()
}

const record = (chance: Random): ServerRecord =>
  chance.chance(0.7)
    ? rumor(chance)
    : { kind: 'lost', info: info(chance), incarnation: number(chance), age: 1000 * number(chance) }

/** As many as fit. */
function fill<T extends ServerRecord>(make: () => T): T[] {
  const made: T[] = []
  for (let room = ROOM; ; ) {
    const next = make()
    room -= sizeOf(next)
    if (room < 0) return made
    made.push(next)
  }
}

function packet(chance: Random): Packet {
  const seq = number(chance)
  const target = { id: id(chance), address: address(chance) }
  const message = chance.pick<() => Message>([
    () => ({ kind: 'ping', seq }),
    () => ({ kind: 'ack', seq }),
    () => ({ kind: 'nack', seq }),
    () => ({ kind: 'indirect', seq, target, patience: chance.int(60_000) }),
    () => ({ kind: 'gossip' }),
    () => ({ kind: 'pull', after: chance.pick(['', id(chance)]) }),
    () => ({
      kind: 'page',
      after: id(chance),
      next: chance.pick(['', id(chance)]),
      records: fill(() => record(chance)),
    }),
  ])()
  const rumors = message.kind === 'page' ? [] : fill(() => rumor(chance))
  return { message, digest: number(chance), rumors }
}

t.test('what is encoded is decoded, and fits into a datagram with its seal', async (t) => {
  for (const seed of seeds(2000)) {
    const given = packet(random(seed))
    const bytes = encodePacket(given)
    if (bytes.length + SEAL_BYTES > MAX_DATAGRAM)
      return t.fail(failure(seed, `${given.message.kind} is ${bytes.length} bytes`))
    if (JSON.stringify(decodePacket(bytes)) !== JSON.stringify(given))
      return t.same(decodePacket(bytes), given, failure(seed, 'differs'))
  }
  t.pass('all were')
})

t.test('whatever comes is a packet, or refused with an error, at once', async (t) => {
  const counts = { packets: 0, refused: 0 }
  for (const seed of seeds(6000)) {
    const chance = random(seed)
    const bytes = chance.chance(0.2)
      ? chance.bytes(chance.int(200))
      : Buffer.from(encodePacket(packet(chance)))
    for (let n = 1 + chance.int(8); n > 0 && bytes.length > 0; n--)
      bytes[chance.int(bytes.length)] = chance.int(256)
    const cut = bytes.subarray(0, chance.chance(0.3) ? chance.int(bytes.length + 1) : bytes.length)
    const start = performance.now()
    try {
      const { message, rumors } = decodePacket(cut)
      // Whatever was let through can be said again.
      encodePacket({ message, digest: 0, rumors })
      counts.packets++
    } catch (error) {
      if (!(error instanceof Error)) return t.fail(failure(seed, error))
      counts.refused++
    }
    if (performance.now() - start > 1000) return t.fail(failure(seed, 'it took a second'))
  }
  if (process.env.CIRCUIT_SEED === undefined)
    t.ok(counts.packets > 100 && counts.refused > 100, JSON.stringify(counts))
})
