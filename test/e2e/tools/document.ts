/** The tables of docs/tools.md, each between a line `<!-- NAME -->` and a line `<!-- end -->`. */
import { keysTable, onScreenTable } from './keys.ts'
import { readers, readersTable } from './readers.ts'
import { shellsTable } from './shells.ts'
import { trees, treesTable } from './trees.ts'
import { waitingTable } from './waiting.ts'
import { writers, writersTable } from './writers.ts'

export const tables: Readonly<Record<string, string>> = {
  'readers: tools': readersTable(readers.tools),
  'readers: shells': readersTable(readers.shells),
  'readers: programs': readersTable(readers.programs),
  'writers: shells': writersTable(writers.shells),
  'writers: tools': writersTable(writers.tools),
  'writers: programs': writersTable(writers.programs),
  shells: shellsTable(),
  waiting: waitingTable(),
  keys: keysTable(),
  'on screen': onScreenTable(),
  'trees: looking': treesTable(trees.looking),
  'trees: making': treesTable(trees.making),
  'trees: moving': treesTable(trees.moving),
}

const PLACE = /<!-- (?!end)(.+?) -->\n(?:.*?\n)??<!-- end -->\n/gs

/** The names of the tables that a document has places for. */
export const places = (document: string): string[] =>
  Array.from(document.matchAll(PLACE), (match) => match[1] ?? '')

/** A document with the tables in their places. */
export const fill = (document: string): string =>
  document.replaceAll(PLACE, (_, name: string) => `<!-- ${name} -->\n${tables[name] ?? ''}<!-- end -->\n`)
