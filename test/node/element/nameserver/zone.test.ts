/** How much a zone takes. What names exist in it is fuzzed, what is answered from it is in answer.test.ts. */
import t from 'tap'
import { parseRecord, type ResourceRecord } from '../../../../src/node/element/nameserver/record.ts'
import { Zone } from '../../../../src/node/element/nameserver/zone.ts'

t.test('a zone takes so many records and no more', async (t) => {
  const zone = new Zone(1000)
  const record = (n: number): ResourceRecord => parseRecord(`n${n % 100}.test. TXT ${n}`)
  for (let n = 0; n < 1000; n++) zone.add(record(n))
  t.throws(() => zone.add(record(1000)), { code: 'ENOMEM', message: /1000 records/ })
  zone.add(record(1))
  t.equal(zone.remove(record(1).key), 10)
  zone.add(record(1000))
  t.equal([...zone.names()].flat().length, 991)
})
