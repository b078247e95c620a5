/** The key of a circuit: 32 random bytes, in base64 in a file that only its user may read. */
import { hkdfSync, randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

const KEY_BYTES = 32

/** What is derived of a circuit's key, each for one use. */
export interface Key {
  /** Names the key without telling it. */
  readonly id: string
  /** For connections: TLS's pre-shared key. */
  readonly secret: Buffer
  /** For datagrams between servers. */
  readonly datagrams: Buffer
  /** For what servers and clients call out to find each other. */
  readonly discovery: Buffer
}

/** A new key, as `circuit keygen` prints it. */
export const generateKey = (): string => randomBytes(KEY_BYTES).toString('base64')

/** @throws Error in words when the text is no key */
export function parseKey(text: string): Key {
  const bytes = Buffer.from(text.trim(), 'base64')
  if (
    bytes.length !== KEY_BYTES ||
    bytes.toString('base64').replace(/=+$/, '') !== text.trim().replace(/=+$/, '')
  )
    throw new Error(`a key is ${KEY_BYTES} bytes in base64; circuit keygen makes one`)
  // Separate labels: what is shown of the one tells nothing of the other (RFC 5869).
  const derive = (label: string, length: number): Buffer =>
    Buffer.from(hkdfSync('sha256', bytes, 'circuit/1', label, length))
  return {
    id: derive('key id', 8).toString('hex'),
    secret: derive('tls psk', KEY_BYTES),
    datagrams: derive('datagrams', KEY_BYTES),
    discovery: derive('discovery', KEY_BYTES),
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    const why = isMissing ? 'there is none; circuit keygen makes one' : String(cause)
    throw new Error(`can't read the key file ${file}: ${why}`, { cause })
  }
}

/** @throws Error in words when the file is no key, is not there, or others may read it */
export function readKey(file: string): Key {
  const text = readText(file)
  if ((statSync(file).mode & 0o077) !== 0)
    throw new Error(`others may read the key file ${file}; chmod 600 ${file}`)
  try {
    return parseKey(text)
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
