/** docs/original.md names tests: they are there. */
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

const ROOT = new URL('../../../', import.meta.url)
const read = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8')

/** The cells of the first table. */
const [, table = ''] = read('docs/original.md').split(/^## .*$/m)
const rows = Array.from(table.matchAll(/^\| (.*) \|$/gm), ([, row = '']) => row.split(' | '))

/** Strings that may be the title of a test: what stands behind test(, or sentence(. */
const titlesOf = (file: string): string[] =>
  Array.from(read(file).matchAll(/\b(?:test|sentence)\(\s*(['"`])(.*?)\1/gs), ([, , title = '']) => title)

t.test('every feature has a test, of that title', async (t) => {
  const [, ...features] = rows
  t.ok(features.length > 30, 'features are found')
  for (const [feature = '', , shown = ''] of features) {
    const [, file = '', words = ''] = /^`(test\/\S+\.test\.ts)` "([^"]+)"$/.exec(shown) ?? []
    if (!t.ok(existsSync(new URL(file, ROOT)) && file !== '', `${feature}: there is ${shown}`)) continue
    t.ok(
      titlesOf(file).some((title) => new RegExp(`(^|\\W)${words}(\\W|$)`).test(title)),
      `${feature}: ${file} has a test "${words}"`,
    )
  }
})
