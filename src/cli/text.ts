/** Texts of help: paragraphs, and lines of a width. */

/** A paragraph, or lines that stand as they are. */
export interface Paragraph {
  readonly text: string
  readonly literal: boolean
}

/** Lines that follow each other are one paragraph; indented ones stand as they are. */
export function paragraphsOf(text: string): Paragraph[] {
  const blocks = text.split(/\n\n+|(?<=^ .*)\n(?! )|(?<=^\S.*)\n(?= )/m).filter((block) => block !== '')
  return blocks.map((block) => {
    const literal = block.startsWith(' ')
    return { literal, text: literal ? block : block.replaceAll('\n', ' ') }
  })
}

/** Breaks a long line between words. @param by how far what follows is indented */
export function wrap(line: string, width: number, by = 0): string {
  if (line.length <= width) return line
  const at = line.lastIndexOf(' ', width)
  return at <= by ? line : `${line.slice(0, at)}\n${wrap(' '.repeat(by) + line.slice(at + 1), width, by)}`
}
