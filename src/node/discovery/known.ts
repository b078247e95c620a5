/**
 * The addresses of the circuit's servers, in a file, so that a server that starts again finds it without being told: also
 * when the one that it had joined through is gone, and when all hosts of a circuit start at once.
 *
 * Who stops in order is forgotten; who failed is kept, as it may be back.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseUrl } from '../../proto/url.ts'
import type { Cancel } from '../handle.ts'

export interface KnownOptions {
  /** Made if missing. */
  readonly directory: string
  /** HOST:PORT of this server. */
  readonly self: string
  /** Whether this server is alone. */
  readonly isAlone: () => boolean
  /** @throws Error when there is no server, or none of this circuit */
  readonly join: (address: string) => Promise<void>
  readonly log: (text: string) => void
}

/** Kept, the newest. */
const MAX_ADDRESSES = 1000
/** All are tried at the start, and again after so many ms, and twice as many each time, while this server is alone. */
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 60_000

export class Known {
  readonly #options: KnownOptions
  readonly #file: string
  readonly #addresses: Set<string>
  #timer: NodeJS.Timeout | undefined
  #saving: NodeJS.Immediate | undefined

  /** @throws Error when the directory can't be used */
  constructor(options: KnownOptions) {
    this.#options = options
    this.#file = join(options.directory, 'servers')
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
    this.#addresses = new Set(read(this.#file).filter((address) => address !== options.self))
    this.#save()
  }

  /** Tries to find the circuit again. Settles after the first try; the others follow in their own time. */
  async find(retry = FIRST_RETRY_MS): Promise<void> {
    const { join, isAlone, log } = this.#options
    const tries = await Promise.allSettled(Array.from(this.#addresses, join))
    if (tries.length === 0 || !isAlone()) return
    if (retry === FIRST_RETRY_MS)
      log(`none of the ${tries.length} servers in ${this.#file} answers; they are tried again`)
    this.#timer = setTimeout(() => void this.find(Math.min(2 * retry, LAST_RETRY_MS)), retry).unref()
  }

  add(address: string): void {
    // The newest is the last.
    this.#addresses.delete(address)
    this.#addresses.add(address)
    this.#saveSoon()
  }

  remove(address: string): void {
    if (this.#addresses.delete(address)) this.#saveSoon()
  }

  stop: Cancel = () => {
    clearTimeout(this.#timer)
    if (this.#saving) this.#saveNow()
  }

  /** Many servers come at once, and a flush to the disk takes its time. */
  #saveSoon(): void {
    this.#saving ??= setImmediate(() => this.#saveNow())
  }

  #saveNow(): void {
    clearImmediate(this.#saving)
    this.#saving = undefined
    try {
      this.#save()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#options.log(`can't keep the circuit's addresses in ${this.#file}: ${reason}`)
    }
  }

  /** A reader, or a loss of power, never sees half of it. */
  #save(): void {
    const kept = [...this.#addresses].slice(-MAX_ADDRESSES)
    const draft = `${this.#file}.new`
    writeFileSync(draft, kept.map((address) => `${address}\n`).join(''), { mode: 0o600, flush: true })
    renameSync(draft, this.#file)
  }
}

/** What of the file is an address; nothing where there is none yet. */
function read(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(isAddress)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function isAddress(line: string): boolean {
  try {
    return parseUrl(line).host !== ''
  } catch {
    return false
  }
}
