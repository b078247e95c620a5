/**
 * The guard: a small shell that knows the process groups of this server's children, and ends them when the
 * server has gone, whether it stopped in order or was killed: its standard input is a pipe from the server, and the
 * end of that is the news. TERM first, KILL after 5 s.
 */
import { type ChildProcess, spawn } from 'node:child_process'

/** How long the children have between TERM and KILL, in tenths of a second. */
const GRACE_TENTHS = 50

// A group that still exists after the grace is the same one if its leader has the same start time or is gone: a
// process id is not used anew while a group bears it.
const SCRIPT = `
trap '' HUP INT TERM
while read -r what group start; do
  case $what in
    +) eval "group_$group=$start" ;;
    -) unset "group_$group" ;;
  esac
done
groups=$(set | sed -n "s/^group_\\([0-9]*\\)='*\\([0-9]*\\)'*$/\\1 \\2/p")
alive() { kill -0 "-$1" 2>/dev/null; }
same() {
  read -r stat 2>/dev/null < "/proc/$1/stat" || return 0
  set -- $2 \${stat##*) }
  [ "$1" = "\${21}" ]
}
each() { echo "$groups" | while read -r group start; do [ -n "$group" ] && "$@"; done; }
term() { kill -TERM "-$group" 2>/dev/null && kill -CONT "-$group" 2>/dev/null; }
finish() { same "$group" "$start" && kill -KILL "-$group" 2>/dev/null; }
report() { alive "$group" && echo yes; }
each term
left=${GRACE_TENTHS}
while [ $left -gt 0 ] && [ -n "$(each report)" ]; do
  sleep 0.1
  left=$((left - 1))
done
each finish
`

export class Guard {
  #shell: ChildProcess | undefined
  #released = false
  readonly #groups = new Map<number, string>()

  /** Takes a process group under guard, by the id of its leader and the time it started (proc.ts). */
  add(pid: number, started: string): void {
    this.#groups.set(pid, started)
    if (this.#shell) this.#tell(`+ ${pid} ${started}`)
    else this.#start()
  }

  remove(pid: number): void {
    if (this.#groups.delete(pid)) this.#tell(`- ${pid}`)
  }

  /** The server stops: the guard does its work and ends. */
  release(): void {
    this.#released = true
    this.#shell?.stdin?.end()
  }

  #start(): void {
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'circuit-guard'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
      // Nothing else, so that no variable of ours looks like a group.
      env: { PATH: process.env.PATH },
    })
    this.#shell = shell
    // Without a guard children would outlive a killed server unnoticed: one that ends is replaced.
    const restart = (): void => {
      if (this.#shell !== shell) return
      this.#shell = undefined
      if (!this.#released && this.#groups.size > 0) this.#start()
    }
    shell.on('error', restart)
    shell.on('exit', restart)
    shell.stdin.on('error', () => {})
    shell.unref()
    for (const [pid, start] of this.#groups) this.#tell(`+ ${pid} ${start}`)
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`)
  }
}
