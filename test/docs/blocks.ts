/** The fenced blocks and the links of a document in Markdown. */

export interface Block {
  /** What stands behind the opening fence. */
  readonly language: string
  readonly text: string
  /** Of the opening fence, from 1. */
  readonly line: number
}

export function blocksOf(document: string): Block[] {
  const blocks: Block[] = []
  let open: { language: string; line: number; lines: string[]; indent: number } | undefined
  for (const [index, line] of document.split('\n').entries()) {
    const fence = /^( *)```(\w*)\s*$/.exec(line)
    if (fence && open) {
      blocks.push({ language: open.language, line: open.line, text: open.lines.join('\n') })
      open = undefined
    } else if (fence)
      open = { language: fence[2] ?? '', line: index + 1, lines: [], indent: fence[1]?.length ?? 0 }
    else open?.lines.push(line.slice(open.indent))
  }
  return blocks
}

/** What is no block, in which commands would be checked by nobody. */
export const proseOf = (document: string): string => document.replaceAll(/^ *```[\s\S]*?^ *```\s*$/gm, '')

/** Targets of links to other files, or to headings. */
export const linksOf = (document: string): string[] =>
  Array.from(proseOf(document).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)

/** The anchors of a document's headings, as GitHub makes them. */
export const headingsOf = (document: string): string[] =>
  Array.from(proseOf(document).matchAll(/^#+ +(.+)$/gm), ([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

export interface Step {
  /** On which host. */
  readonly host: string
  readonly command: string
  /** What it is to print. */
  readonly output: string
}

/** The steps of a session: `HOST$ COMMAND` or `HOST# COMMAND`, further lines of it behind `> `, then its output. */
export function stepsOf(text: string): Step[] {
  const steps: { host: string; command: string; output: string }[] = []
  for (const line of text.split('\n')) {
    const [, host, command = ''] = /^([a-z]+\d)[$#] (.*)$/.exec(line) ?? []
    const last = steps.at(-1)
    if (host !== undefined) steps.push({ host, command, output: '' })
    else if (last && line.startsWith('> ') && last.output === '') last.command += `\n${line.slice(2)}`
    else if (last) last.output += `${line}\n`
  }
  return steps
}

/** What such an output looks like: … stands for anything, and identities, pids and times are others each time. */
export function patternOf(output: string): RegExp {
  const source = output
    .split(/(X[0-9a-f]{16}|Q[0-9a-f]{16}|\d{4}-\d\d-\d\dT[\d:.]+Z|pid \d+|…| +)/)
    .map((part, n) => {
      if (n % 2 === 0) return part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
      if (part === '…') return '[\\s\\S]*?'
      if (/^ +$/.test(part)) return ' +'
      if (part.startsWith('pid ')) return 'pid \\d+'
      return /^\d/.test(part) ? '[\\d:.TZ-]+' : `${part[0]}[0-9a-f]{16}`
    })
    .join('')
  return new RegExp(`^${source}$`)
}
