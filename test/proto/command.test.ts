/** The grammar of `ctl`, rule by rule. */
import t from 'tap'
import { type Command, CommandReader, MAX_COMMAND_BYTES } from '../../src/proto/command.ts'

/** What a command is, without its text. */
const plain = ({ verb, words, fields }: Command) => (fields ? { verb, words, fields } : [verb, ...words])

/** The commands that come out of writes, and out of the close behind them. */
function read(...writes: (string | Buffer)[]) {
  const reader = new CommandReader()
  const commands = writes.map((bytes) => [...reader.write(Buffer.from(bytes))].map(plain))
  const atClose = [...reader.close()].map(plain)
  return { commands, atClose }
}

/** The commands of one write. */
const one = (bytes: string | Buffer) => read(bytes).commands[0]

/** Fills a write up to a multiple of 4,096 bytes with what does not matter. */
const chunk = (text: string, filler = ' '): string =>
  text.padEnd(Math.ceil(text.length / 4096) * 4096, filler)

t.test('one command a line: a verb, then words', async (t) => {
  t.same(one('mkchan\n'), [['mkchan']])
  t.same(one('mkchan 3\nclose\n'), [['mkchan', '3'], ['close']])
  t.same(one('  run \t ls  -l \r\n'), [['run', 'ls', '-l']])
  t.same(one('"mkchan" 3'), [['mkchan', '3']], 'a verb is a word')
  t.same(one('run ünï 🙂'), [['run', 'ünï', '🙂']])
})

t.test('words are quoted as in a shell', async (t) => {
  const words: Record<string, string[]> = {
    "'a b'": ['a b'],
    '"a b"': ['a b'],
    'a\\ b': ['a b'],
    "''": [''],
    '"" x': ['', 'x'],
    'a\'b\'c"d"e': ['abcde'],
    '\'a"b\' "a\'b"': ['a"b', "a'b"],
    "'a\\b'": ['a\\b'],
    '"a\\b"': ['a\\b'],
    '"a\\"b\\\\c\\$d\\`e"': ['a"b\\c$d`e'],
    '\\"a\\\'': ['"a\''],
    '\\\\': ['\\'],
    'a\\nb': ['anb'],
    '$HOME *': ['$HOME', '*'],
    'a#b #c': ['a#b', '#c'],
    '{"a":1} x': ['{a:1}', 'x'],
    'a{b {': ['a{b', '{'],
  }
  for (const [written, expected] of Object.entries(words))
    t.same(one(`run x ${written}\n`), [['run', 'x', ...expected]], written)
})

t.test('quotes do not span lines', async (t) => {
  for (const written of ['run "a\nb"\n', "run 'a\nb'\n", 'run a\\\nb\n'])
    t.throws(() => one(written), { code: 'EINVAL', message: /use JSON/ }, JSON.stringify(written))
})

t.test('a JSON object may span lines and writes until it closes', async (t) => {
  const fields = { Path: '/bin/ls', Args: ['a b', '{', '}"', '\n'], Env: [] }
  const json = JSON.stringify(fields, null, 2)
  const expected = { verb: 'mkproc', words: [], fields }
  t.same(one(`mkproc ${json}\n`), [expected])
  t.same(one(`mkproc ${json}`), [expected], 'also without a newline')
  t.same(one(`mkproc ${json}  \r\nclose`), [expected, ['close']])
  for (let cut = 'mkproc {'.length; cut < `mkproc ${json}`.length; cut++) {
    const text = `mkproc ${json}`
    const { commands } = read(text.slice(0, cut), text.slice(cut))
    t.same(commands, [[], [expected]], `cut at ${cut}`)
  }
})

t.test('the object is all of its command', async (t) => {
  t.throws(() => one('mkproc {} x\n'), { code: 'EINVAL', message: /after the JSON object there is more/ })
  t.throws(() => one('mkproc {}{}\n'), { code: 'EINVAL' })
  t.throws(() => one('mkproc {"a":1]\n'), { code: 'EINVAL', message: /not JSON/ })
  t.throws(() => one("mkproc {'a':1}\n"), { code: 'EINVAL', message: /not JSON/ })
  t.throws(() => one('mkproc {a:1}\n'), { code: 'EINVAL', message: /not JSON/ })
  t.same(one('mkproc x {}'), [['mkproc', 'x', '{}']], 'elsewhere a brace is a word')
})

t.test('a comma before a closing bracket is forgiven', async (t) => {
  t.same(one('mkproc {"a":[1,2,],"b":{"c":1 ,\n},}'), [
    { verb: 'mkproc', words: [], fields: { a: [1, 2], b: { c: 1 } } },
  ])
  t.same(one('mkproc {"a":",]","b":[","]}'), [{ verb: 'mkproc', words: [], fields: { a: ',]', b: [','] } }])
  for (const wrong of ['{,}', '[,]', '{"a":1,,}', '{"a":[1,,]}', '{"a":[,1]}'])
    t.throws(() => one(`mkproc {"x":${wrong}}`), { code: 'EINVAL', message: /not JSON/ }, wrong)
})

t.test('empty lines and comments are skipped', async (t) => {
  t.same(one('\n \n\t\r\n# run x\n  # "open\nclose\n#'), [['close']])
  t.same(one(''), [])
  t.same(read('# a comment ends with its write', 'close').commands, [[], [['close']]])
  t.same(read(chunk('# but goes on in a chunk', 'x'), 'close\nscrub').commands, [[], [['scrub']]])
  t.same(read(chunk('#', 'x')), { commands: [[]], atClose: [] })
})

t.test('the end of a write ends a complete command', async (t) => {
  t.same(read('mkchan', 'close').commands, [[['mkchan']], [['close']]])
  t.same(read('mk', 'chan').commands, [[['mk']], [['chan']]])
  t.same(
    read('run "a ', 'b"', 'close').commands,
    [[], [['run', 'a b']], [['close']]],
    'one with an open quote is not',
  )
  t.same(read('run a\\', ' b').commands, [[], [['run', 'a b']]], 'nor one with a backslash')
})

t.test('but not when the write is a multiple of 4,096 bytes', async (t) => {
  const long = `run ${'x'.repeat(5000)}`
  t.same(read(long.slice(0, 4096), long.slice(4096)).commands, [[], [['run', 'x'.repeat(5000)]]])
  t.same(read(chunk('mkchan')), { commands: [[]], atClose: [['mkchan']] }, 'what is left is run at the close')
  t.same(read(chunk('mkchan\nclose')), { commands: [[['mkchan']]], atClose: [['close']] })
  t.same(read(chunk('mkchan\n')).commands, [[['mkchan']]])
  t.same(read(chunk(`mkproc {"a":1}`), '\n').commands, [
    [],
    [{ verb: 'mkproc', words: [], fields: { a: 1 } }],
  ])
  const exact = `run ${'x'.repeat(8188)}`
  t.same(read(exact), { commands: [[]], atClose: [['run', 'x'.repeat(8188)]] })
})

t.test('an unfinished command is an error at the close', async (t) => {
  for (const unfinished of ['mkproc {"Path":', 'run "x', 'run x\\', "run 'x"]) {
    const reader = new CommandReader()
    t.same([...reader.write(Buffer.from(unfinished))], [])
    t.ok(reader.unfinished)
    t.throws(() => [...reader.close()], { code: 'EINVAL', message: /unfinished command/ })
    t.equal(reader.refused, unfinished)
    t.notOk(reader.unfinished)
  }
})

t.test('after an error the rest of the write is dropped, and nothing else', async (t) => {
  const reader = new CommandReader()
  const got: string[] = []
  t.throws(() => {
    for (const { verb } of reader.write(Buffer.from('one\ntwo\nbad "\nthree\nmkproc {'))) got.push(verb)
  })
  t.same(got, ['one', 'two'])
  t.notOk(reader.unfinished)
  t.same([...reader.write(Buffer.from('four'))].map(plain), [['four']])
  // Whoever executes the commands stops at one that fails.
  for (const { verb } of reader.write(Buffer.from('five\nsix\nmkproc {'))) {
    t.equal(verb, 'five')
    break
  }
  t.notOk(reader.unfinished)
  t.same([...reader.write(Buffer.from('seven'))].map(plain), [['seven']])
})

t.test('commands are UTF-8 without NUL', async (t) => {
  for (const bytes of [Buffer.of(0xff), Buffer.of(0xc3), Buffer.of(0), Buffer.of(0xed, 0xa0, 0x80)]) {
    t.throws(() => one(Buffer.concat([Buffer.from('run '), bytes])), { code: 'EINVAL', message: /UTF-8/ })
    t.throws(() => one(Buffer.concat([Buffer.from('mkproc {"a":"'), bytes, Buffer.from('"}')])), {
      code: 'EINVAL',
    })
  }
  t.same(one('mkproc {"a":"\\u0000\\ud800"}'), [{ verb: 'mkproc', words: [], fields: { a: '\0\ud800' } }])
})

t.test('the text of a command is on one line and not long', async (t) => {
  const [command] = new CommandReader().write(Buffer.from(`mkproc {\n\t"a": "${'x'.repeat(1000)}"\n}`))
  t.match(command?.text, /^mkproc \{ "a": "x+…$/)
  t.equal(command?.text.length, 200)
})

t.test('1 MiB is the longest, whatever the pieces', async (t) => {
  const longest = `run ${'x'.repeat(MAX_COMMAND_BYTES - 4)}`
  t.same(one(`${longest}\n`)?.length, 1)
  t.throws(() => one(`${longest}x\n`), { code: 'EFBIG' })
  const endless = { 'mkproc {"a":"': 1000, 'run "': 1000, [chunk('run ', 'x')]: 4096 }
  for (const [start, size] of Object.entries(endless)) {
    const reader = new CommandReader()
    const pour = (): void => {
      let commands = [...reader.write(Buffer.from(start))].length
      for (let poured = 0; poured <= MAX_COMMAND_BYTES; poured += size)
        commands += [...reader.write(Buffer.alloc(size, 'x'))].length
      throw new Error(`${commands} commands and no error`)
    }
    t.throws(pour, { code: 'EFBIG' }, start.slice(0, 20))
    t.notOk(reader.unfinished, 'it is forgotten')
  }
})

t.test('a command in many pieces costs what it costs in one', async (t) => {
  const reader = new CommandReader()
  const json = Buffer.from(`mkproc {"a":"${'x'.repeat(MAX_COMMAND_BYTES - 100)}"}`)
  let commands = [...reader.write(json.subarray(0, 'mkproc {'.length))].length
  const start = performance.now()
  for (let at = 'mkproc {'.length; at < json.length; at++)
    commands += [...reader.write(json.subarray(at, at + 1))].length
  const seconds = (performance.now() - start) / 1000
  t.equal(commands, 1)
  // A second or so; read anew with each byte, it would be hours.
  t.ok(seconds < 20, `${seconds.toFixed(1)} s`)
})
