import t from 'tap'
import { count, flag, oneOf, parseFields, text, texts } from '../../../src/node/element/fields.ts'
import { CommandReader } from '../../../src/proto/command.ts'

const FIELDS = {
  Path: text,
  Args: texts,
  Scrub: flag,
  Log: count(1, 100),
  Stdout: oneOf('pipe', 'log'),
} as const

/** The values of a command as it is written. */
const parse = (written: string) => {
  const [command] = new CommandReader().write(Buffer.from(written))
  if (command === undefined) throw new Error(`not a command: ${written}`)
  return parseFields(command, FIELDS)
}

t.test('fields by name, whatever their case; null is as if left out', async (t) => {
  const all = { Path: '/bin/ls', Args: ['/', ''], Scrub: true, Log: 100, Stdout: 'log' }
  t.same(parse(`mkproc ${JSON.stringify(all)}`), all)
  t.same(parse('mkproc {"path":"a","ARGS":[],"sCRUB":false,"log":1}'), {
    Path: 'a',
    Args: [],
    Scrub: false,
    Log: 1,
  })
  t.same(parse('mkproc {"Path":null,"Args":null}'), {})
  t.same(parse('mkproc {}'), {})
})

t.test('what is wrong is named', async (t) => {
  const wrong: [string, RegExp][] = [
    ['{"Pfad":"x"}', /no field Pfad; its fields are Path Args Scrub Log Stdout/],
    ['{"__proto__":1}', /no field __proto__/],
    ['{"constructor":1}', /no field constructor/],
    ['{"Path":1}', /Path is a string, not 1/],
    ['{"Path":"a\\u0000b"}', /Path is a string/],
    ['{"Path":"a","path":"b"}', /Path is given twice/],
    ['{"Args":"x"}', /Args is an array of strings/],
    ['{"Args":["x",1]}', /Args is an array of strings/],
    ['{"Scrub":"true"}', /Scrub is true or false/],
    ['{"Log":0}', /Log is a whole number from 1 to 100/],
    ['{"Log":101}', /Log is a whole number from 1 to 100/],
    ['{"Log":1.5}', /Log is a whole number from 1 to 100/],
    ['{"Log":"7"}', /Log is a whole number from 1 to 100/],
    ['{"Stdout":"tty"}', /Stdout is "pipe" or "log", not "tty"/],
    ['', /takes one JSON object with the fields Path/],
    ['x', /takes one JSON object/],
  ]
  for (const [given, message] of wrong)
    t.throws(() => parse(`mkproc ${given}`), { code: 'EINVAL', message }, given)
})
