/** What servers say of each other, as they say it: unlike looking at a mount again and again it costs them nothing. */
import type { Host } from '../network.ts'
import { until } from '../server.ts'

export type What = 'joined' | 'left' | 'is lost'

/** A line of one server about another. */
export interface Said {
  /** By performance.now(). */
  readonly at: number
  readonly what: What
  readonly id: string
}

const LINE = /\((X[0-9a-f]{16})\) (joined|left|is lost)$/

export class Listener {
  readonly #said = new Map<Host, Said[]>()

  /** To be given to each start of a host's server. */
  on(host: Host): { onLine: (line: string) => void } {
    const said: Said[] = []
    this.#said.set(host, said)
    return {
      onLine: (line) => {
        const [, id, what] = LINE.exec(line) ?? []
        if (id && what) said.push({ at: performance.now(), what: what as What, id })
      },
    }
  }

  /** What a host's server has said since a time. */
  of(host: Host, since = 0): readonly Said[] {
    return this.#said.get(host)?.filter(({ at }) => at >= since) ?? []
  }

  /**
   * Awaits that each of these hosts' servers has said something of another, since a time; gives when the last did.
   * @throws Error when it takes longer than `limit` ms
   */
  async all(
    hosts: readonly Host[],
    what: readonly What[],
    id: string,
    since: number,
    limit = 30_000,
  ): Promise<number> {
    const first = (host: Host): Said | undefined =>
      this.of(host, since).find((said) => said.id === id && what.includes(said.what))
    await until(() => hosts.every(first), limit)
    return Math.max(...hosts.map((host) => first(host)?.at ?? Number.NaN))
  }
}
