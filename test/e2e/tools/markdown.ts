/** Tables in Markdown. */

export type Row = readonly string[]

export function table(head: Row, rows: readonly Row[]): string {
  const lines = [head, head.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}

/** Text as it is, between backticks; what ends a cell or a line is escaped. */
export function code(text: string): string {
  if (text === '') return '*nothing*'
  const shown = text.replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('|', '\\|')
  return text.includes('`') ? `\`\` ${shown} \`\`` : `\`${shown}\``
}

/** A command or a line of a program, with what runs it where that matters. */
export const command = ({ run, shell, program }: Named): string =>
  [program?.language ?? shell, code(program?.script ?? run)].filter(Boolean).join(': ')

interface Named {
  readonly run: string
  readonly shell?: string
  readonly program?: { readonly language: string; readonly script: string }
}

/** Parts of a remark that are there. */
export const remarks = (...parts: readonly (string | undefined | false)[]): string =>
  parts.filter((part) => part).join('; ')
