/** Anything at all: as a query, as a record, and as a sequence of changes against a model. */
import t from 'tap'
import { answer } from '../../../../src/node/element/nameserver/answer.ts'
import { parseRecord } from '../../../../src/node/element/nameserver/record.ts'
import { Zone } from '../../../../src/node/element/nameserver/zone.ts'
import { CircuitError } from '../../../../src/proto/errors.ts'
import { failure, type Random, random, seeds } from '../../../random.ts'
import { query, zoneOf } from './message.ts'

const ZONE = zoneOf(`
  test. SOA ns.test. me.test. 1 2 3 4 5
  *.w.test. CNAME a.test.
  a.test. A 1.2.3.4
  a.test. MX 10 mx.a.test.
  sub.test. NS a.test.
  . NS a.
  big.test. TXT ${'"0123456789012345678901234567890123456789" '.repeat(40)}
`)

const NAMES = [
  'test.',
  'a.test.',
  'x.w.test.',
  'sub.test.',
  'big.test.',
  '.',
  `${'x.'.repeat(120)}test.`,
] as const
const TYPES = ['A', 'MX', 'TXT', 'ANY', 'NS', 'SOA', 252, 41] as const

/** A query, mostly with some of it changed. */
function anyQuery(random: Random): Buffer {
  const size = random.chance(0.5) ? { size: random.pick([0, 512, 1232, 4096, 65_535]) } : {}
  const good = query(random.pick(NAMES), random.pick(TYPES), { id: random.int(65_536), ...size })
  const bytes = random.chance(0.2) ? Buffer.concat([good, random.bytes(random.int(40))]) : Buffer.from(good)
  for (let n = random.int(5); n > 0; n--)
    bytes[random.int(bytes.length)] = random.pick([0, 1, 0x3f, 0x40, 0xc0, 0xff, random.int(256)])
  return random.chance(0.2) ? bytes.subarray(0, random.int(bytes.length + 1)) : bytes
}

/** The UDP payload that a query announces, where it begins as it should; or the least that all take. */
function announced(message: Buffer): number {
  const at = message.indexOf(Buffer.of(0, 0, 41), 12)
  return at < 0 || at + 5 > message.length ? 512 : Math.max(512, message.readUInt16BE(at + 3))
}

t.test('any bytes as a query', async (t) => {
  let answers = 0
  for (const seed of seeds(100))
    try {
      const chance = random(seed)
      for (let n = 0; n < 200; n++) {
        const message = chance.chance(0.1) ? chance.bytes(chance.int(600)) : anyQuery(chance)
        const before = Buffer.from(message)
        const response = answer(ZONE, message, { over: 'udp' })
        if (!message.equals(before)) throw new Error('the query was changed')
        if (response === undefined) continue
        answers++
        const what = `${message.toString('hex')} → ${response.toString('hex')}`
        if (response.length > Math.min(1232, announced(message))) throw new Error(`too long: ${what}`)
        if (response.readUInt16BE(0) !== message.readUInt16BE(0)) throw new Error(`another id: ${what}`)
        if ((response.readUInt16BE(2) & 0x8000) === 0) throw new Error(`no answer: ${what}`)
        if (answer(ZONE, response, { over: 'udp' }) !== undefined)
          throw new Error(`an answer was answered: ${what}`)
      }
    } catch (error) {
      t.fail(failure(seed, error))
    }
  t.ok(answers > 1000, `${answers} answers`)
})

const PIECES = [
  ...[
    'a',
    'b.',
    'test.',
    '.',
    '..',
    '*',
    '@',
    'IN',
    'CH',
    '60',
    '1h',
    '-1',
    '99999999999',
    '1.2.3.4',
    '::1',
    '\\',
  ],
  ...[
    'A',
    'AAAA',
    'NS',
    'CNAME',
    'PTR',
    'MX',
    'TXT',
    'SRV',
    'SOA',
    'CAA',
    'NAPTR',
    'TYPE9',
    'TYPE99999',
    '\\#',
  ],
  ...[
    '0',
    '1',
    '4',
    '0a000001',
    '"',
    '""',
    '"x y"',
    '\\000',
    '\\999',
    '\\.',
    ';',
    '(',
    ')',
    '\t',
    '\n',
    '\0',
    'ü',
    '🙂',
    '\ud800',
  ],
]

t.test('any text as a record: EINVAL, or a record that is written back as it is', async (t) => {
  let good = 0
  for (const seed of seeds(200))
    try {
      const chance = random(seed)
      for (let n = 0; n < 200; n++) {
        const words = Array.from({ length: 1 + chance.int(9) }, () => chance.pick(PIECES))
        const text = [...(chance.chance(0.7) ? ['a.', chance.pick(PIECES)] : []), ...words].join(
          chance.chance(0.9) ? ' ' : '',
        )
        let record: ReturnType<typeof parseRecord>
        try {
          record = parseRecord(text)
        } catch (error) {
          if (error instanceof CircuitError && error.code === 'EINVAL') continue
          throw error
        }
        good++
        const again = parseRecord(record.text)
        if (
          again.text !== record.text ||
          !again.data.bytes.equals(record.data.bytes) ||
          !again.owner.equals(record.owner)
        )
          throw new Error(`${JSON.stringify(text)} → ${record.text} → ${again.text}`)
      }
    } catch (error) {
      t.fail(failure(seed, error))
    }
  t.ok(good > 500, `${good} records`)
})

/** What a zone should do, written in the plainest way. */
class Model {
  readonly records = new Map<string, string[]>()

  add(name: string, text: string): void {
    const all = this.records.get(name) ?? []
    this.records.set(name, all.includes(text) ? all : [...all, text])
  }

  exists(name: string): boolean {
    return [...this.records.keys()].some(
      (other) => other === name || other.endsWith(`.${name}`) || name === '',
    )
  }
}

t.test('any changes: names exist as long as there are records at them or below', async (t) => {
  for (const seed of seeds(30))
    try {
      const chance = random(seed)
      const zone = new Zone()
      const model = new Model()
      const anyName = (): string =>
        Array.from({ length: 1 + chance.int(3) }, () => chance.pick(['a', 'b', 'c'])).join('.')
      for (let n = 0; n < 200; n++) {
        const name = anyName()
        const { key } = parseRecord(`${name} A 1.2.3.4`)
        if (chance.chance(0.5)) {
          const record = parseRecord(`${name} ${chance.pick(['A 1.2.3.4', 'A 1.2.3.5', 'TXT x'])}`)
          zone.add(record)
          model.add(name, record.text)
        } else if (zone.remove(key) !== (model.records.get(name)?.length ?? 0))
          throw new Error(`${n}: removed others`)
        else model.records.delete(name)
        const probe = anyName()
        if (zone.exists(parseRecord(`${probe} A 1.2.3.4`).key) !== model.exists(probe))
          throw new Error(`${n}: ${probe}`)
        if (zone.exists('\0') !== model.records.size > 0) throw new Error(`${n}: the root`)
      }
      const found = [...zone.names()].flat().map(({ text }) => text)
      t.strictSame(found.sort(), [...model.records.values()].flat().sort(), `seed ${seed}`)
    } catch (error) {
      t.fail(failure(seed, error))
    }
})
