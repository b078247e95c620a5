/**
 * Where the sentences of docs/semantics.md hold: a mounted tree, and a server in it on which anchors are made. Every
 * sentence's test runs in every place. One server a file and place: tests share it, and leave nothing blocked. Only where
 * each call takes its time there are several of the same kind at once, and each has a part of the sentences.
 */
import { open } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { type Host, network } from '../network.ts'
import {
  noMount,
  type Outcome,
  type ServerOptions,
  type ShellOptions,
  startServer,
  workplace,
} from '../server.ts'
import { PRELUDE } from './python.ts'

export interface Place {
  /** The mount point. */
  readonly mount: string
  /** The directory of the server on which this place makes anchors. */
  readonly server: string
  /** The server that calls come through; undefined where the place's server has them from the kernel. */
  readonly peer?: string
  /** What a call that asks this server takes at least, in ms, where that is much. What takes many calls is done less often
   * there, and what is promised to take only so long may take so much longer. */
  readonly roundTrip?: number
  /** Makes a fresh anchor and gives its path; `command` is written to its ctl. */
  anchor(command?: string): Promise<string>
  /** Runs a shell script, in which $M is the mount, $S the server, $A and others as given. */
  sh(script: string, env?: Readonly<Record<string, string>>, options?: ShellOptions): Promise<Outcome>
  /** What a shell script prints that must succeed. */
  print(script: string, env?: Readonly<Record<string, string>>): Promise<string>
  /** What a Python script prints that must succeed; see python.ts for what it has. */
  python(script: string, env?: Readonly<Record<string, string>>): Promise<string>
  /** Writes to an anchor's ctl, with one write(2); gives 'ok' or the name of the errno. */
  command(anchor: string, text: string): Promise<string>
  /** What a file of an anchor holds. */
  read(path: string): Promise<string>
}

/** What a file wants otherwise. */
export interface Wishes {
  /** Names of the places, where not all. */
  readonly places?: readonly string[]
  /** Why its sentences can't be shown here. */
  readonly skip?: string | false
  /** How the servers are started. */
  readonly server?: ServerOptions
  /** What is written for a command that makes something. */
  readonly translate?: (command: string) => string
}

interface PlaceType {
  readonly name: string
  /** So many at a time, beside the other places, which have their turns. */
  readonly lanes?: number
  start(t: Test, options: ServerOptions): Promise<Started>
}

type Started = Pick<Place, 'mount' | 'server' | 'peer' | 'roundTrip' | 'anchor' | 'sh'>

const BAD_WIRE = { ms: 20, jitterMs: 10, loss: 0.01 }

/** All places. Later ones, an anchor on another host for example, are added here. */
const places: readonly PlaceType[] = [
  { name: 'local', start: startLocal },
  { name: 'remote', start: startRemote },
  { name: 'remote over a bad wire', start: startFar, lanes: 4 },
]

async function startLocal(t: Test, options: ServerOptions): Promise<Started> {
  const { mount, self } = await startServer(t, options)
  return { mount, server: self, ...inTree(mount, self) }
}

/** Two servers that have joined: the mount is the first one's, the anchors are on the second one. */
async function startRemote(t: Test, options: ServerOptions): Promise<Started> {
  const near = await startServer(t, { args: ['--name', 'near'] })
  const far = await startServer(t, { ...options, args: [...(options.args ?? []), '-j', near.url] })
  const server = `${near.mount}/${far.id}`
  return { mount: near.mount, server, peer: 'near', ...inTree(near.mount, server) }
}

/** The same on two hosts, of which the far one has a bad wire. */
async function startFar(t: Test): Promise<Started> {
  const { hosts } = await network(t, 2, { names: ['near', 'far'] })
  const [near, far] = hosts as [Host, Host]
  await far.delay(BAD_WIRE)
  const server = near.at(far)
  const roundTrip = 2 * (BAD_WIRE.ms + BAD_WIRE.jitterMs)
  return { mount: near.mount, server, peer: near.name, roundTrip, ...inTree(near.mount, server, near.enter) }
}

function inTree(mount: string, server: string, within: readonly string[] = []) {
  const { anchor, sh } = workplace(mount, server, within)
  return {
    anchor,
    sh: (script: string, env: Readonly<Record<string, string>> = {}, options: ShellOptions = {}) =>
      sh(script, { limit: 90_000, ...options, env }),
  }
}

/** Shows one or more sentences, by whose numbers the name begins. */
export type Sentence<Given extends unknown[]> = (
  name: string,
  body: (t: Test, ...given: Given) => Promise<void>,
) => void

/** Runs a file's sentences in every place. */
export function inEachPlace(define: (sentence: Sentence<[Place]>) => void, wishes: Wishes = {}): void {
  const chosen = places.filter(({ name }) => wishes.places?.includes(name) ?? true)
  for (const type of chosen) {
    const { name, lanes = 0 } = type
    const run = async (t: Test, isMine: (n: number) => boolean): Promise<void> => {
      const place = complete(await type.start(t, wishes.server ?? {}), wishes.translate)
      let n = 0
      define((name, body) => isMine(n++) && void t.test(name, (t) => body(t, place)))
    }
    const add = (name: string, body: (t: Test) => Promise<void>): void =>
      void t.test(name, { skip: noMount || (wishes.skip ?? false), buffered: true }, body)
    const whole = takeTurns((t) => run(t, () => true))
    if (lanes === 0) add(name, whole)
    for (let lane = 0; lane < lanes; lane++)
      add(`${name} ${lane + 1}`, (t) => run(t, (n) => n % lanes === lane))
  }
  t.jobs = chosen.reduce((sum, { lanes = 1 }) => sum + lanes, 0)
}

const takeTurns = inTurns()

/** Makes tests that begin when those before them have ended. */
function inTurns(): (body: (t: Test) => Promise<void>) => (t: Test) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve()
  return (body) => (t) => {
    const before = last
    last = new Promise<void>((resolve) => t.teardown(() => resolve()))
    return before.then(() => body(t))
  }
}

/** Sentences on servers that start and end: each test has its own, on this host. */
export const onThisHost: Sentence<[]> = (name, body) => {
  t.test(name, { skip: noMount }, (t) => body(t))
}

function complete(started: Started, translate: Wishes['translate']): Place {
  const print: Place['print'] = async (script, env) => {
    const { status, stdout, stderr } = await started.sh(script, env)
    if (status !== 0) throw new Error(`status ${status}: ${script}\n${stdout}${stderr}`)
    return stdout
  }
  const python: Place['python'] = (script, env) =>
    print('exec python3 -c "$PRELUDE$SCRIPT"', {
      ...env,
      PRELUDE,
      SCRIPT: dedent(script),
      ROUND_TRIP: String(started.roundTrip ?? 0),
    })
  return {
    ...started,
    ...(translate && { anchor: (command) => started.anchor(command && translate(command)) }),
    print,
    python,
    command,
    read: (path) => print('cat "$F"', { F: path }),
  }
}

/** From this process: a command takes no longer than the server needs, so no thread is lost to it. */
async function command(anchor: string, text: string): Promise<string> {
  const file = await open(`${anchor}/ctl`, 'r+')
  try {
    await file.write(text)
    return 'ok'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // One number has two names on Linux.
    return code === 'ENOTSUP' ? 'EOPNOTSUPP' : String(code ?? error)
  } finally {
    await file.close()
  }
}

/** Takes away the indentation that the first line has. */
function dedent(script: string): string {
  const lines = script.replace(/^\n/, '').split('\n')
  const indent = /^ */.exec(lines[0] ?? '')?.[0] ?? ''
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n')
}
