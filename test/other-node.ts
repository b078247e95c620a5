/** Other versions of Node than the one that runs the tests. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Those that are supported beside the oldest, by their first number. */
export const OTHER_VERSIONS = ['22', '24']

const OTHER_NODES = fileURLToPath(new URL('../../scripts/other-nodes', import.meta.url))

/** The path of a Node; `missing` is false, or says why there is none, to be passed as tap's `skip`. */
export function otherNode(version: string): { readonly node: string; readonly missing: string | false } {
  try {
    return { node: execFileSync(OTHER_NODES, [version], { encoding: 'utf8' }).trim(), missing: false }
  } catch (error) {
    return { node: '', missing: `NO NODE ${version}: ${error instanceof Error ? error.message : error}` }
  }
}
