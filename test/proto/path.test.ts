import t from 'tap'
import {
  checkName,
  checkPath,
  decodeName,
  encodeName,
  isServerId,
  joinPath,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  splitLast,
  splitPath,
} from '../../src/proto/path.ts'
import { failure, random, seeds } from '../random.ts'

t.test('names of any bytes survive the way there and back', async (t) => {
  const names = [
    'plain',
    'ünï-中-🙂',
    'ends with \ufffd',
    '\ufeffBOM',
    '\udcff alone',
    Buffer.of(0xff),
    Buffer.of(0xc3),
    Buffer.of(0x80, 0x41, 0xc3, 0xbc, 0xc3),
    Buffer.of(0xed, 0xb2, 0x80),
    Buffer.of(0xed, 0xa0, 0x80),
    Buffer.of(0xf4, 0x90, 0x80, 0x80),
    Buffer.of(0xc0, 0xaf),
    Buffer.of(0xef, 0xbf, 0xbd),
  ]
  for (const name of names) {
    const bytes = typeof name === 'string' ? encodeName(name) : name
    t.same(encodeName(decodeName(bytes)), bytes, bytes.toString('hex'))
  }
  t.equal(decodeName(Buffer.from('ü')), 'ü', 'valid text is itself')
  t.equal(decodeName(Buffer.of(0x61, 0xff)), 'a\udcff')
  for (const seed of seeds(500)) {
    const { bytes, int, chance } = random(seed)
    const name = bytes(1 + int(40))
    // Bytes that are near to being characters are the hard ones.
    if (chance(0.5)) for (let at = 0; at < name.length; at++) name[at] = 0x80 | (name[at] ?? 0)
    if (!encodeName(decodeName(name)).equals(name)) return t.fail(failure(seed, `${name.toString('hex')}`))
  }
})

t.test('different names stay different', async (t) => {
  const seen = new Map<string, string>()
  for (let first = 0; first < 256; first++)
    for (let second = 0x70; second < 256; second++) {
      const bytes = Buffer.of(first, second)
      const name = decodeName(bytes)
      if (seen.has(name)) t.fail(`${bytes.toString('hex')} and ${seen.get(name)}`)
      seen.set(name, bytes.toString('hex'))
    }
  t.pass()
})

t.test('what can be a name', async (t) => {
  for (const name of [
    'a',
    '...',
    '-',
    ' ',
    '\n',
    'x'.repeat(MAX_NAME_BYTES),
    'ü'.repeat(127),
    '\udcff'.repeat(255),
  ])
    t.doesNotThrow(() => checkName(name), JSON.stringify(name.slice(0, 10)))
  for (const name of ['', '.', '..', 'a/b', '/', 'a\0b'])
    t.throws(() => checkName(name), { code: 'EINVAL' }, JSON.stringify(name))
  for (const name of ['x'.repeat(MAX_NAME_BYTES + 1), 'ü'.repeat(128), '\udcff'.repeat(256)])
    t.throws(() => checkName(name), { code: 'ENAMETOOLONG' })
})

t.test('how long a path may be', async (t) => {
  for (const [unit, bytes] of [
    ['/', 1],
    ['ü', 2],
    ['中', 3],
    ['🙂', 4],
    ['\udcff', 1],
  ] as const) {
    const most = Math.floor(MAX_PATH_BYTES / bytes)
    t.doesNotThrow(() => checkPath(unit.repeat(most)), unit)
    t.throws(() => checkPath(unit.repeat(most + 1)), { code: 'ENAMETOOLONG' }, unit)
  }
})

t.test('paths', async (t) => {
  t.same(splitPath('/'), [])
  t.same(splitPath('/a//b/'), ['a', 'b'])
  t.same(splitLast('/a/b'), { parent: '/a', name: 'b' })
  t.same(splitLast('/a'), { parent: '/', name: 'a' })
  t.same(splitLast('/'), { parent: '/', name: '' })
  t.equal(joinPath('/', 'a'), '/a')
  t.equal(joinPath('/a', 'b'), '/a/b')
  t.ok(isServerId('X0123456789abcdef'))
  for (const name of [
    'X0123456789ABCDEF',
    'x0123456789abcdef',
    'X0123456789abcde',
    'X0123456789abcdef0',
    'X0123456789abcdef\n',
  ])
    t.notOk(isServerId(name), name)
})
