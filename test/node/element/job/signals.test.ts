import { constants } from 'node:os'
import t from 'tap'
import { parseSignal, shellStatus } from '../../../../src/node/element/job/signals.ts'

t.test('signals by all their names', async (t) => {
  for (const text of ['TERM', 'SIGTERM', 'term', 'sigterm', 'SigTerm', '15', ' TERM\n'])
    t.equal(parseSignal(text), 15, text)
  for (const [name, number] of Object.entries(constants.signals)) t.equal(parseSignal(name), number, name)
  t.equal(parseSignal('64'), 64, 'real-time ones by number')
})

t.test('what is none', async (t) => {
  for (const text of [
    '',
    '0',
    '65',
    '-1',
    '1.5',
    '0x9',
    'TERMX',
    'SIG',
    'SIGSIGTERM',
    '9 9',
    '__proto__',
    'constructor',
    'é',
  ])
    t.throws(() => parseSignal(text), { code: 'EINVAL' }, JSON.stringify(text))
})

t.test('the status of a shell', async (t) => {
  t.equal(shellStatus('SIGTERM'), 143)
  t.equal(shellStatus('SIGKILL'), 137)
})
