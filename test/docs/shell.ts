/** A shell on a host of a test network, as somebody sits in front of it: its directory, jobs and variables last. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Host } from '../network.ts'
import type { Scope } from '../server.ts'

/** The network of the hosts, in documents and in test/network.ts. */
const [DOCUMENTED, ACTUAL] = ['10.0.0.', '10.77.0.'] as const
const END = 'end-of-command-7f3a'
/** No command of a document takes longer. */
const LIMIT_MS = 30_000

/**
 * A server is started in the background, as if in
 * another window; it takes the place of the one before, which was told to
 * stop.
 */
const PRELUDE = `
exec 2>&1
circuit() {
  case $1 in
    start)
      shift
      wait $server
      said=$(mktemp -p "$OWN")
      "$NODE" "$MAIN" start "$@" --mount "$M" >"$said" 2>&1 & server=$!
      until grep -q 'mounted on' "$said" || ! kill -0 $server; do sleep 0.02; done
      if kill -0 $server; then grep ^circuit:// "$said"; else cat "$said"; fi ;;
    *) "$NODE" "$MAIN" "$@" ;;
  esac
}
server=
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
`

export interface ShellOptions {
  /** The mount, where the document says /circuit. */
  readonly mount: string
  /** Where it starts. */
  readonly directory: string
  /** NODE and MAIN, the program; OWN, a directory of this host's; what clients need. */
  readonly env: Readonly<Record<string, string>>
}

export class HostShell {
  readonly #child
  readonly #mount: string
  #said = ''
  #heard: () => void = () => {}

  constructor(t: Scope, { enter }: Host, { mount, directory, env }: ShellOptions) {
    this.#mount = mount
    const [program = '', ...words] = [...enter, 'bash']
    this.#child = spawn(program, words, {
      cwd: directory,
      env: { ...process.env, LC_ALL: 'C.UTF-8', ...env, M: mount },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const ended = once(this.#child, 'close')
    this.#child.stdout.setEncoding('utf8').on('data', (text) => {
      this.#said += text
      this.#heard()
    })
    this.#child.stdin.write(PRELUDE)
    t.teardown(async () => {
      this.#child.stdin.end()
      await ended
    })
  }

  /** Runs a command; gives what it printed, and its status. @throws Error where it does not end */
  async run(command: string): Promise<{ output: string; status: number }> {
    this.#said = ''
    const literal = command.replaceAll(/\/circuit(?![\w.-])/g, this.#mount).replaceAll(DOCUMENTED, ACTUAL)
    // What reads its input must not read the next commands.
    this.#child.stdin.write(`{\n${literal}\n} </dev/null\nprintf '\\n${END} %d\\n' $?\n`)
    const end = new RegExp(`\\n${END} (\\d+)\\n$`)
    const late = AbortSignal.timeout(LIMIT_MS)
    while (!end.test(this.#said)) {
      await new Promise<void>((resolve, reject) => {
        this.#heard = resolve
        late.onabort = () => reject(new Error(`did not end: ${command}\n${this.#said}`))
      })
    }
    const [, status] = end.exec(this.#said) ?? []
    const output = this.#said
      .replace(end, '')
      .replaceAll(this.#mount, '/circuit')
      .replaceAll(ACTUAL, DOCUMENTED)
      // What only a shell without a terminal says.
      .replaceAll(/^bash: line \d+: /gm, 'bash: ')
    return { output: output === '' || output.endsWith('\n') ? output : `${output}\n`, status: Number(status) }
  }
}
