/** `circuit ls`: lists anchors. */
import type { Circuit, Entry } from '../client/circuit.ts'
import { asCircuitError } from '../proto/errors.ts'
import { isServerId } from '../proto/path.ts'
import { clientCommand } from './client.ts'
import { jsonText, writeOut } from './stdio.ts'

/** What ends a path when all below it is meant. */
const ELLIPSIS = /(^|\/)\.\.\.\/*$/
const NO_ELEMENT = '·'

interface Options {
  readonly recursive: boolean
  /** What is below an anchor comes before it. */
  readonly depth: boolean
  /** Told what can't be listed. */
  readonly onError: (error: unknown) => void
}

export const ls = clientCommand({
  summary: 'list servers and anchors',
  options: {
    long: { type: 'boolean', short: 'l', help: 'say what each anchor holds: server proc chan …, or ·' },
    depth: { type: 'boolean', help: 'with /...: what is below an anchor comes before it' },
    json: { type: 'boolean', help: 'the same as JSON: an array of {"Path":"/X…/a","Element":"proc"}' },
  },
  words: ['[PATH]'],
  details: 'Behind PATH may stand /...: all that is below it, too.',
  examples: {
    'the servers': 'circuit ls /',
    'their names': 'circuit ls /by-name',
    'all that there is': 'circuit ls /...',
    'the jobs of a server, and what they are': 'circuit ls -l /by-name/web1/jobs/...',
    'all channels': `circuit ls --json /... | jq -r '.[] | select(.Element == "chan").Path'`,
  },
  async run(circuit, [path = '/'], { long, depth = false, json }) {
    const recursive = ELLIPSIS.test(path)
    let status = 0
    const onError = (error: unknown): void => {
      console.error(`circuit: ${asCircuitError(error).message}`)
      status = 1
    }
    const options = { recursive, depth, onError }
    const found = await list(circuit, path.replace(ELLIPSIS, ''), options)
    const lines = found.map(({ path, element = NO_ELEMENT }) =>
      long ? `${element.padEnd(15)} ${path}\n` : `${path}\n`,
    )
    const asJson = found.map(({ path, element = null }) => ({ Path: path, Element: element }))
    await writeOut(json ? jsonText(asJson) : lines.join(''))
    return status
  },
})

/** The anchors in an anchor, or below it, sorted. */
async function list(circuit: Circuit, path: string, options: Options): Promise<Entry[]> {
  const anchors = (await circuit.list(path)).filter(isShown).sort(byName)
  if (!options.recursive) return anchors
  const below = await mapServers(path, anchors, async (anchor) => {
    const inside =
      anchor.type === 'link' || anchor.children === 0 ? [] : await listInside(circuit, anchor.path, options)
    return options.depth ? [...inside, anchor] : [anchor, ...inside]
  })
  return below.flat()
}

/** Below what is gone by now, or can't be reached, there is nothing to list. */
async function listInside(circuit: Circuit, path: string, options: Options): Promise<Entry[]> {
  try {
    return await list(circuit, path, options)
  } catch (error) {
    if (asCircuitError(error).code !== 'ENOENT') options.onError(error)
    return []
  }
}

/** Servers are asked at once, the anchors of one in turn. */
async function mapServers<T>(
  path: string,
  anchors: readonly Entry[],
  work: (anchor: Entry) => Promise<T>,
): Promise<T[]> {
  if (/^\/*$/.test(path)) return Promise.all(anchors.map(work))
  const done: T[] = []
  for (const anchor of anchors) done.push(await work(anchor))
  return done
}

/** In the root the servers; self and by-name are other ways to them. */
const isShown = ({ type, path, name }: Entry): boolean =>
  path === `/${name}` ? isServerId(name) : type !== 'file'

const byName = (a: Entry, b: Entry): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
