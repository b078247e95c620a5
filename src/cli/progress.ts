/** How far a long transfer is, for whoever watches it on a terminal: bytes and rate, in a line that is gone at the end. */
import { readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import { onStopSignal } from './signals.ts'

const STDERR = 2
/** What takes no longer needs no progress, in ms since its first bytes. */
const LONG_MS = 2000
const EVERY_MS = 500

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

/** Bytes in words: 1 kB are 1000. */
export function formatBytes(bytes: number): string {
  const power = Math.min(bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3), UNITS.length - 1)
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`
}

export class Progress {
  readonly #isShown: boolean
  #timer: NodeJS.Timeout | undefined
  #letSignals: (() => void) | undefined
  #bytes = 0
  #start = 0
  /** When the line was made last, and of how many bytes. */
  #last = { time: 0, bytes: 0 }
  #width = 0

  /** @param data the descriptor that is copied: of a terminal it would have the line in the midst of it */
  constructor(data: number) {
    this.#isShown = isatty(STDERR) && !isatty(data)
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (!this.#isShown || this.#timer) return
    this.#start = performance.now()
    this.#last.time = this.#start
    this.#timer = setInterval(() => this.#show(), EVERY_MS).unref()
  }

  #show(): void {
    const now = performance.now()
    const rate = ((this.#bytes - this.#last.bytes) / (now - this.#last.time)) * 1000
    this.#last = { time: now, bytes: this.#bytes }
    if (now - this.#start < LONG_MS || !isInForeground()) return
    this.#letSignals ??= onStopSignal((signal) => {
      this.end()
      process.kill(process.pid, signal)
    })
    this.#write(`${formatBytes(this.#bytes)}  ${formatBytes(rate)}/s`)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#letSignals?.()
    if (this.#width === 0) return
    this.#write('')
    process.stderr.write('\r')
  }

  #write(text: string): void {
    process.stderr.write(`\r${text.padEnd(this.#width)}`)
    this.#width = text.length
  }
}

/** Whether the terminal is ours; a job in the background would write into what is typed. See proc_pid_stat(5). */
function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return group === foreground
  } catch {
    return true // no Linux
  }
}
