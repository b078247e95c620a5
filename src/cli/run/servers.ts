/** Which servers a command is meant for. */
import type { Circuit, ServerEntry } from '../../client/circuit.ts'

/**
 * All, those whose name or id matches a pattern, or, without patterns, the one that was dialled.
 * @throws Error in words when a pattern matches none
 */
export async function chooseServers(
  circuit: Circuit,
  patterns: readonly string[] | undefined,
  all: boolean,
): Promise<readonly ServerEntry[]> {
  const servers = (await circuit.servers()).sort((a, b) => (a.name < b.name ? -1 : 1))
  if (all) return servers
  if (patterns === undefined) return servers.filter(({ id }) => id === circuit.server)
  const matchers = patterns.map((pattern) => {
    const matches = globMatcher(pattern)
    if (!servers.some(({ id, name }) => matches(id) || matches(name)))
      throw new Error(
        `no server is called ${pattern}; there are ${servers.map(({ name }) => name).join(' ')}`,
      )
    return matches
  })
  return servers.filter(({ id, name }) => matchers.some((matches) => matches(id) || matches(name)))
}

/** A pattern as a shell's: `*`, `?`, `[a-c]`, `[!a-c]`. */
export function globMatcher(pattern: string): (text: string) => boolean {
  const source = pattern.replace(
    /\[(!?)([^\]]+)\]|[\s\S]/g,
    (found, not: string | undefined, set?: string) => {
      if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\^[]/g, '\\$&')}]`
      if (found === '*') return '.*'
      if (found === '?') return '.'
      return found.replace(/[\\^$.|+(){}[\]/-]/, '\\$&')
    },
  )
  const expression = new RegExp(`^${source}$`, 's')
  return (text) => expression.test(text)
}
