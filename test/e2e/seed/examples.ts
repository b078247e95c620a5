/** The examples of the original's README, out of examples.txt. */
import { readFileSync } from 'node:fs'

const FILE = new URL('../../../../test/e2e/seed/examples.txt', import.meta.url)

export interface Example {
  readonly title: string
  readonly script: string
  /** What the README says it prints; empty where it says nothing. */
  readonly shown: string
}

/** An identity or an address of the README, and what stands for it here. */
export type Replacements = readonly (readonly [there: string, here: string])[]

export class Examples {
  #left: readonly Example[] = readFileSync(FILE, 'utf8').split(/^# /m).slice(1).map(parse)
  readonly #replacements: () => Replacements

  /** @param replacements which apply from then on */
  constructor(replacements: () => Replacements) {
    this.#replacements = replacements
  }

  /** Titles of those that were not taken yet. */
  get left(): readonly string[] {
    return this.#left.map(({ title }) => title)
  }

  /** The next one, for this network. @throws Error when it is another */
  take(title: string): Example {
    const [next, ...left] = this.#left
    if (next?.title !== title) throw new Error(`the next example is ${next?.title}, not ${title}`)
    this.#left = left
    return { title, script: this.#here(next.script), shown: this.#here(next.shown) }
  }

  #here(text: string): string {
    return this.#replacements().reduce((text, [there, here]) => text.replaceAll(there, here), text)
  }
}

function parse(block: string): Example {
  const [title = '', ...lines] = block.trimEnd().split('\n')
  const marked = (mark: string): string =>
    lines.flatMap((line) => (line.startsWith(mark) ? [`${line.slice(mark.length)}\n`] : [])).join('')
  return { title, script: marked('$ '), shown: marked('= ') }
}
