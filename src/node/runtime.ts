/**
 * What servers and clients of one user on one host share without being told: where servers can be dialled, and a key that
 * stands in where no other is given, so that no other user of the host can speak to a server through loopback.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKey, type Key, readKey } from './peer/key.ts'

/** A folder that only this user can use. @throws Error when somebody else made it */
export function runtimeDirectory(): string {
  const uid = process.getuid?.() ?? 0
  const { CIRCUIT_RUNTIME_DIR, XDG_RUNTIME_DIR } = process.env
  const ofRoot = existsSync('/run') ? '/run/circuit' : '/var/run/circuit'
  const directory =
    CIRCUIT_RUNTIME_DIR || (uid === 0 ? ofRoot : join(XDG_RUNTIME_DIR ?? tmpdir(), `circuit-${uid}`))
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { uid: owner, mode } = statSync(directory)
  if (owner !== uid || (mode & 0o077) !== 0)
    throw new Error(
      `${directory} must belong to this user, and be accessible to nobody else: chmod 700 it, or set CIRCUIT_RUNTIME_DIR`,
    )
  return directory
}

/** The key of this user on this host, made when it is first needed. */
export function localKey(): Key {
  const file = join(runtimeDirectory(), 'key')
  if (existsSync(file)) return readKey(file)
  try {
    writeFileSync(file, `${generateKey()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readKey(file)
}

/** The keys where none were given in so many words, and whether CIRCUIT_HMAC gave them. @throws Error in words */
export function defaultKeys(): { keys: readonly Key[]; given: boolean } {
  const { CIRCUIT_HMAC } = process.env
  return CIRCUIT_HMAC ? { keys: [readKey(CIRCUIT_HMAC)], given: true } : { keys: [localKey()], given: false }
}

const SUFFIX = '.url'

/**
 * Lets this user's clients find a server, and the file of the key that it was given; gives the function that takes it back.
 */
export function announce(id: string, url: string, keyFile = ''): () => void {
  const file = join(runtimeDirectory(), `${id}${SUFFIX}`)
  writeFileSync(file, `${url}\n${keyFile}\n`, { mode: 0o600 })
  return () => rmSync(file, { force: true })
}

export interface Announced {
  readonly url: string
  /** The file of its key; empty where it was given none. */
  readonly keyFile: string
  readonly forget: () => void
}

/** Servers on this host, newest first; a killed one may be among them. */
export function announced(): Announced[] {
  const directory = runtimeDirectory()
  return readdirSync(directory)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => join(directory, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    .map((file) => {
      const [url = '', keyFile = ''] = readFileSync(file, 'utf8').split('\n')
      return { url, keyFile, forget: () => rmSync(file, { force: true }) }
    })
}
