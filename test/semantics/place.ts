/**
 * Where the sentences of docs/semantics.md hold: a mounted tree, and a server in it on which anchors are made. Every
 * sentence's test runs in every place. One server a file and place: tests share it, and leave nothing blocked.
 */
import { open } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { noMount, type Outcome, type ShellOptions, startServer, workplace } from '../server.ts'
import { PRELUDE } from './python.ts'

export interface Place {
  /** The mount point. */
  readonly mount: string
  /** The directory of the server on which this place makes anchors. */
  readonly server: string
  /** The server that calls come through; undefined where the place's server has them from the kernel. */
  readonly peer?: string
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

interface PlaceType {
  readonly name: string
  start(t: Test): Promise<Pick<Place, 'mount' | 'server' | 'peer' | 'anchor' | 'sh'>>
}

/** All places. Later ones, an anchor on another host for example, are added here. */
const places: readonly PlaceType[] = [
  { name: 'local', start: startLocal },
  { name: 'remote', start: startRemote },
]

async function startLocal(t: Test) {
  const { mount, self } = await startServer(t)
  return { mount, server: self, ...inTree(mount, self) }
}

/** Two servers that have joined: the mount is the first one's, the anchors are on the second one. */
async function startRemote(t: Test) {
  const near = await startServer(t, { args: ['--name', 'near'] })
  const far = await startServer(t, { args: ['-j', near.url] })
  const server = `${near.mount}/${far.id}`
  return { mount: near.mount, server, peer: 'near', ...inTree(near.mount, server) }
}

function inTree(mount: string, server: string) {
  const { anchor, sh } = workplace(mount, server)
  return {
    anchor,
    sh: (script: string, env: Readonly<Record<string, string>> = {}, options: ShellOptions = {}) =>
      sh(script, { ...options, env }),
  }
}

/** Shows one or more sentences, by whose numbers the name begins. */
export type Sentence<Given extends unknown[]> = (
  name: string,
  body: (t: Test, ...given: Given) => Promise<void>,
) => void

/** Runs a file's sentences in every place. */
export function inEachPlace(define: (sentence: Sentence<[Place]>) => void): void {
  for (const type of places)
    t.test(type.name, { skip: noMount }, async (t) => {
      const place = complete(await type.start(t))
      define((name, body) => void t.test(name, (t) => body(t, place)))
    })
}

/** Sentences on servers that start and end: each test has its own, on this host. */
export const onThisHost: Sentence<[]> = (name, body) => {
  t.test(name, { skip: noMount }, (t) => body(t))
}

function complete(started: Awaited<ReturnType<PlaceType['start']>>): Place {
  const print: Place['print'] = async (script, env) => {
    const { status, stdout, stderr } = await started.sh(script, env)
    if (status !== 0) throw new Error(`status ${status}: ${script}\n${stdout}${stderr}`)
    return stdout
  }
  const python: Place['python'] = (script, env) =>
    print('exec python3 -c "$PRELUDE$SCRIPT"', { ...env, PRELUDE, SCRIPT: dedent(script) })
  return {
    ...started,
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
