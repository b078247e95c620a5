/** docs/semantics.md and the tests here say the same: each sentence has a test, and each test a sentence. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const ROOT = new URL('../../../', import.meta.url)
const HERE = new URL('test/semantics/', ROOT)

const document = readFileSync(new URL('docs/semantics.md', ROOT), 'utf8')
const ids = Array.from(document.matchAll(/^\s*- \*\*([A-Z]+\d+)\*\*/gm), ([, id = '']) => id)

/** Names of tests, by the file that has them. */
const names = readdirSync(HERE)
  .filter((file) => file.endsWith('.ts') && file !== 'document.test.ts')
  .flatMap((file) =>
    Array.from(
      readFileSync(new URL(file, HERE), 'utf8').matchAll(/^\s*sentence\(\s*(['"`])(.*?)\1/gms),
      ([, , name = '']) => ({ file, name, ids: idsOf(name) }),
    ),
  )

/** The numbers that a test's name begins with. */
function idsOf(name: string): string[] {
  const words = name.split(' ')
  const end = words.findIndex((word) => !/^[A-Z]+\d+$/.test(word))
  return words.slice(0, end < 0 ? words.length : end)
}

t.test('every sentence has a number of its own', async (t) => {
  t.ok(ids.length > 100, 'sentences are found')
  t.strictSame([...new Set(ids)], ids)
})

t.test('every sentence has a test', async (t) => {
  const shown = new Set(names.flatMap(({ ids }) => ids))
  t.strictSame(
    ids.filter((id) => !shown.has(id)),
    [],
  )
})

t.test('every test names a sentence', async (t) => {
  const known = new Set(ids)
  const stray = names.filter(({ ids }) => ids.length === 0 || ids.some((id) => !known.has(id)))
  t.strictSame(stray, [])
})
