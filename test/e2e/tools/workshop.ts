/** Where the tables of tools are tried: a mounted server, anchors with something in them, and a shell that stands in one. */
import { constants } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { type Outcome, startServer, type TestServer, until } from '../../server.ts'

/** What the tools read and write. */
export const TEXT = 'one\ntwo\n'
/** Seconds that a tool gets; those that wait for good are in a table of their own. */
const LIMIT = 15

export interface Use {
  /** Run in the anchor's directory; `~/text` holds TEXT. */
  readonly run: string
  /** Default: sh. */
  readonly shell?: string
  /** What the document shows instead of the command that runs it. */
  readonly program?: { readonly language: string; readonly script: string }
  readonly env?: Readonly<Record<string, string>>
}

export class Workshop {
  readonly server: TestServer
  readonly #homes: string
  #made = 0

  private constructor(server: TestServer, homes: string) {
    this.server = server
    this.#homes = homes
  }

  static async open(t: Test): Promise<Workshop> {
    const homes = await mkdtemp(join(tmpdir(), 'circuit-tools-'))
    // Shells that a signal has ended may still be writing their histories.
    t.teardown(() => rm(homes, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }))
    return new Workshop(await startServer(t), homes)
  }

  /** Makes an anchor, with children where the names say so, and gives its path. */
  async anchor(command?: string): Promise<string> {
    const path = join(this.server.self, `w${++this.#made}`)
    await this.make(path, command)
    return path
  }

  async make(path: string, command?: string): Promise<void> {
    await mkdir(path)
    if (command !== undefined) await writeFile(join(path, 'ctl'), `${command}\n`)
  }

  /** Runs a tool, at most LIMIT seconds: then its status is 124. */
  async run(anchor: string, { run, shell = 'sh', env }: Use): Promise<Outcome> {
    return this.server.sh(`cd "$A" && exec timeout ${LIMIT} ${shell} -c "$RUN"`, {
      env: { ...(await this.environment()), A: anchor, RUN: run, ...env },
      limit: (LIMIT + 10) * 1000,
    })
  }

  /** Calls that wait in the server now. */
  async waitingCalls(): Promise<number> {
    const metrics = await readFile(join(this.server.self, 'metrics'), 'utf8')
    return Number(/^\w*fuse_requests_waiting (\d+)$/m.exec(metrics)?.[1])
  }

  /** Settles when a call waits. */
  callWaits(): Promise<void> {
    return until(async () => (await this.waitingCalls()) > 0)
  }

  /** The tools of the system, in English, with this Node before others, and a home with a `text` in it. */
  async environment(): Promise<Record<string, string>> {
    const home = join(this.#homes, `home${++this.#made}`)
    await mkdir(home)
    await writeFile(join(home, 'text'), TEXT)
    return {
      HOME: home,
      LC_ALL: 'C.UTF-8',
      PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
      NODE_NO_WARNINGS: '1',
    }
  }
}

/** What matches a text in which `…` stands for anything. */
export function pattern(text: string): RegExp {
  const parts = text.split(/ ?… ?/).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(parts.join('.*'), 's')
}

/** Closes a channel, if it is not, and gives the messages that were in it. */
export async function drain(anchor: string): Promise<string[]> {
  await writeFile(join(anchor, 'ctl'), 'close\n').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  const messages: string[] = []
  for (;;) {
    try {
      messages.push(await readFile(join(anchor, 'recv'), 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENODATA') return messages
      throw error
    }
  }
}

/** What a file gives until its end, or, while it has no end, until there is enough. Rejects after 10 s. */
export async function readEnough(path: string, enough = Number.POSITIVE_INFINITY): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  let text = ''
  try {
    for (const end = Date.now() + 10_000; text.length < enough; ) {
      const piece = await file.read(Buffer.alloc(65536)).catch(untilThereIsMore)
      if (piece?.bytesRead === 0) break
      if (piece) text += piece.buffer.toString('utf8', 0, piece.bytesRead)
      if (Date.now() > end) throw new Error(`${path} has no end: ${text}`)
    }
    return text
  } finally {
    await file.close()
  }
}

async function untilThereIsMore(error: NodeJS.ErrnoException): Promise<undefined> {
  if (error.code !== 'EAGAIN') throw error
  await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Does something with each item, two at a time: most of the time a tool starts. */
export async function forAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item)
  }
  await Promise.all([worker(), worker()])
}
