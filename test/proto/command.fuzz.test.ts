/** The grammar of `ctl` against itself in other pieces, against a real shell, and against anything at all. */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { type Command, CommandReader, MAX_COMMAND_BYTES } from '../../src/proto/command.ts'
import { CircuitError } from '../../src/proto/errors.ts'
import { failure, type Random, random, seeds } from '../random.ts'

/** The commands that come out of writes and the close behind them. */
function read(writes: readonly Buffer[]): Command[] {
  const reader = new CommandReader()
  return [...writes.flatMap((bytes) => [...reader.write(bytes)]), ...reader.close()]
}

const TEXTS = [
  'a',
  'ls',
  '-l',
  'ü',
  '🙂',
  ' ',
  '\t',
  '"',
  "'",
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  '#',
  '$',
  '\u2028',
]
const anyText = ({ int, pick }: Random, most: number): string =>
  Array.from({ length: int(most) }, () => pick(TEXTS)).join('')

/** A word in one of the ways in which it can be quoted. */
function quoted(random: Random, word: string): string {
  const plain = /^[^\s"'\\]+$/.test(word) && !word.startsWith('#') && !word.startsWith('{')
  if (plain && random.chance(0.5)) return word
  const ways = [`"${word.replace(/["\\$`]/g, '\\$&')}"`, word.replace(/[^\n]/gu, '\\$&')]
  if (!word.includes("'")) ways.push(`'${word}'`)
  return word === '' ? `""` : random.pick(ways)
}

function anyJson(random: Random, depth: number): unknown {
  const kind = random.int(depth > 3 ? 4 : 6)
  if (kind === 0) return random.int(1000)
  if (kind === 1) return random.pick([true, false, null])
  if (kind < 4) return `${anyText(random, 12)}${random.chance(0.2) ? '\n' : ''}`
  const items = Array.from({ length: random.int(5) }, () => anyJson(random, depth + 1))
  return kind === 4 ? items : Object.fromEntries(items.map((item, n) => [`k${n}${anyText(random, 3)}`, item]))
}

/** A command as it may be written, where a write may end within it, and what must come of it. */
interface Written {
  readonly bytes: Buffer
  readonly cuts: readonly number[]
  readonly expected: unknown
}

function anyCommand(random: Random): Written {
  if (random.chance(0.5)) {
    const words = Array.from({ length: random.int(5) }, () => anyText(random, 8))
    const line = `run${words.map((word) => ` ${quoted(random, word)}`).join(random.pick(['', '\t']))}`
    return { bytes: Buffer.from(line), cuts: [], expected: ['run', ...words] }
  }
  const fields = { a: anyJson(random, 0), b: anyJson(random, 0) }
  const json = JSON.stringify(fields, null, random.pick([0, 1, 4]))
  const bytes = Buffer.from(`mkproc ${json}`)
  const from = 'mkproc {'.length
  const cuts = Array.from({ length: bytes.length - from }, (_, n) => from + n)
  return { bytes, cuts, expected: { verb: 'mkproc', words: [], fields } }
}

/** Commands, each on its line, with blank lines and comments, and all places where a write may end. */
function anyStream(random: Random): Written & { readonly expected: unknown[] } {
  const pieces: Buffer[] = []
  const cuts: number[] = []
  const expected: unknown[] = []
  let length = 0
  for (let n = 1 + random.int(6); n > 0; n--) {
    const between = random.pick(['', '\n', ' \t\r\n', `# ${anyText(random, 9)}\n`])
    const { bytes, cuts: within, expected: one } = anyCommand(random)
    const line = Buffer.concat([Buffer.from(between), bytes, Buffer.from('\n')])
    const start = length + Buffer.byteLength(between)
    cuts.push(length, start, ...within.map((at) => start + at))
    pieces.push(line)
    expected.push(one)
    length += line.length
  }
  return { bytes: Buffer.concat(pieces), cuts, expected }
}

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...[...new Set(places)].sort((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, n) => bytes.subarray(sorted[n], end))
}

const plain = ({ verb, words, fields }: Command) => (fields ? { verb, words, fields } : [verb, ...words])

function outcome(writes: readonly Buffer[]): string {
  try {
    return JSON.stringify(read(writes).map(plain))
  } catch (error) {
    return String(error)
  }
}

t.test('the same in any pieces', async (t) => {
  for (const seed of seeds(800)) {
    const random_ = random(seed)
    const { bytes, cuts, expected } = anyStream(random_)
    const places = cuts.filter(() => random_.chance(0.2))
    // A chunk of a buffered writer may end anywhere.
    const chunks = cutAt(
      bytes,
      Array.from({ length: Math.floor(bytes.length / 4096) }, (_, n) => (n + 1) * 4096),
    )
    for (const writes of [[bytes], cutAt(bytes, places), cutAt(bytes, cuts), chunks]) {
      const found = outcome(writes)
      if (found === JSON.stringify(expected)) continue
      return t.fail(
        failure(seed, `${writes.map((write) => JSON.stringify(String(write))).join(' | ')}: ${found}`),
      )
    }
  }
  t.pass()
})

t.test('words are what a shell makes of them', async (t) => {
  const letters = ['a', 'b', ' ', '\t', '"', "'", '\\', 'ü', ',', ':', '{', '}', '"', "'"]
  const lines: string[] = []
  const ours: string[] = []
  for (const seed of seeds(3000)) {
    const { int, pick } = random(seed)
    const line = Array.from({ length: int(14) }, () => pick(letters)).join('')
    try {
      const [command] = read([Buffer.from(`w x ${line}\n`)])
      lines.push(line)
      ours.push((command?.words ?? []).map((word) => `<${word}>`).join(''))
    } catch (error) {
      // What ends within a quote or behind a backslash: a shell would go on to the next line.
      if (!(error instanceof CircuitError) || !/line/.test(error.message)) return t.fail(failure(seed, error))
    }
  }
  const script = `w() { printf '<%s>' "$@"; echo; }\n${lines.map((line) => `w x ${line}\n`).join('')}`
  const theirs = execFileSync('sh', { input: script, encoding: 'utf8' }).split('\n').slice(0, -1)
  t.ok(lines.length > 1000 || process.env.CIRCUIT_SEED !== undefined, `${lines.length} lines`)
  const wrong = lines.findIndex((_, n) => ours[n] !== theirs[n])
  t.equal(wrong, -1, `${lines[wrong]}: ${ours[wrong]}, a shell: ${theirs[wrong]}`)
})

t.test('anything at all: commands, or an error in words', async (t) => {
  const alphabet = Buffer.from('ab "\'\\{}[],:#\n\n\r\t\0\xff\xc31', 'latin1')
  const started = performance.now()
  for (const seed of seeds(1200)) {
    const { int, bytes, chance, pick } = random(seed)
    const reader = new CommandReader()
    try {
      for (let n = int(12); n >= 0; n--) {
        const length = pick([int(20), int(300), 4096])
        const written = chance(0.2)
          ? bytes(length)
          : Buffer.from(bytes(length).map((b) => alphabet[b % alphabet.length] ?? 0))
        attempt(() => [...reader.write(written)])
      }
      attempt(() => [...reader.close()])
      if (reader.unfinished) return t.fail(failure(seed, `unfinished after the close`))
    } catch (error) {
      return t.fail(failure(seed, error))
    }
  }
  t.ok(performance.now() - started < 60_000)
})

t.test('deep and long things end soon', async (t) => {
  const most = MAX_COMMAND_BYTES - 20
  for (const text of [
    '{"a":['.repeat(most / 6),
    `{"a":${'['.repeat(most)}`,
    `{"a":${'{"b":'.repeat(most / 5)}`,
  ]) {
    attempt(() => read([Buffer.from(`mkproc ${text}`)]))
    const closers = '}'.repeat(most / 12)
    attempt(() => read([Buffer.from(`mkproc ${'{"a":'.repeat(most / 12)}1${closers}`)]))
  }
  attempt(() => read([Buffer.from(`mkproc ${'{"a":['.repeat(9)}${','.repeat(most - 100)}]}`)]))
  attempt(() => read([Buffer.alloc(most, '\\')]))
  attempt(() => read([Buffer.alloc(most, '#\n')]))
  t.equal(read([Buffer.alloc(most, 'a\n')]).length, most / 2)
})

/** Only an error of ours may come of it, and only of two kinds. */
function attempt(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof CircuitError) || !['EINVAL', 'EFBIG'].includes(error.code)) throw error
    if (error.message.length > 500) throw new Error('a long sentence')
  }
}
