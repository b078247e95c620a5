/** What is misspelt: the commands and options that may have been meant. */
import t from 'tap'
import { commands } from '../../src/cli/commands.ts'
import { editDistance, nearest } from '../../src/cli/suggest.ts'

t.test('the distance counts letters changed, left out, put in and swapped', async (t) => {
  const distances = {
    'mkproc mkproc': 0,
    'mkprc mkproc': 1,
    'mkprocc mkproc': 1,
    'mkprox mkproc': 1,
    'mkporc mkproc': 1,
    'ls members': 6,
    ' ls': 2,
  }
  for (const [pair, distance] of Object.entries(distances)) {
    const [a = '', b = ''] = pair.split(' ')
    t.equal(editDistance(a, b), distance, pair)
    t.equal(editDistance(b, a), distance, `${pair}, the other way round`)
  }
})

t.test('a command is suggested for a misspelling, and none for another word', async (t) => {
  const names = Object.keys(commands)
  const meant = {
    mkprc: 'mkproc',
    lss: 'ls',
    mkjoin: 'mk@join',
    'mk@jion': 'mk@join',
    stdot: 'stdout',
    mem: 'members',
  }
  for (const [typed, name] of Object.entries(meant)) t.equal(nearest(typed, names), name)
  for (const word of ['frobnicate', 'x', 'list', 'xyz', '']) t.equal(nearest(word, names), undefined, word)
})
