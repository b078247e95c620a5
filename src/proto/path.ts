/**
 * Anchor paths: `/` for the root, `/X88550014d4c82e4d/jobs/pippi` below it.
 *
 * Names are bytes to the kernel and strings here. Bytes that are not UTF-8 are carried as lone low surrogates
 * U+DC80..U+DCFF (the scheme of PEP 383), so that every name survives the way there and back.
 */
import { TextDecoder } from 'node:util'
import { CircuitError } from './errors.ts'

/** Longest name, in bytes (NAME_MAX of linux/limits.h). */
export const MAX_NAME_BYTES = 255

/**
 * Longest path of an anchor, in bytes (PATH_MAX of linux/limits.h, without its NUL). Working directories lead deeper, and
 * each of those anchors would cost its whole path.
 */
export const MAX_PATH_BYTES = 4095

/** A name as a string, from its bytes. */
export function decodeName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString('utf8')
  return text.includes('\ufffd') && !Buffer.from(text).equals(buffer) ? decodeBroken(buffer) : text
}

function decodeBroken(bytes: Buffer): string {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find(
      (n) => at + n <= bytes.length && decodes(strict, bytes.subarray(at, at + n)),
    )
    text += length ? bytes.toString('utf8', at, at + length) : String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
    at += length ?? 1
  }
  return text
}

function decodes(decoder: TextDecoder, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** The bytes of a name that decodeName made or a user typed. */
export function encodeName(name: string): Buffer {
  if (!/[\udc80-\udcff]/.test(name)) return Buffer.from(name)
  const parts = Array.from(name, (char) => {
    const code = char.length === 1 ? char.charCodeAt(0) : 0
    return code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(char)
  })
  return Buffer.concat(parts)
}

/** Refuses what can't be a name: empty, `.`, `..`, with a slash or NUL, or longer than 255 bytes. */
export function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    throw new CircuitError('EINVAL', `${JSON.stringify(name)} can't be the name of an anchor`)
  if (encodeName(name).length > MAX_NAME_BYTES) throw new CircuitError('ENAMETOOLONG')
}

/** Refuses a path that is too long. @throws CircuitError ENAMETOOLONG */
export function checkPath(path: string): void {
  // A unit of a string is at most three bytes.
  if (path.length > MAX_PATH_BYTES / 3 && encodeName(path).length > MAX_PATH_BYTES)
    throw new CircuitError('ENAMETOOLONG', `the path of an anchor has at most ${MAX_PATH_BYTES} bytes`)
}

/** The names along a path, outermost first; none for the root. Repeated slashes count as one. */
export function splitPath(path: string): string[] {
  const names: string[] = []
  for (let at = 0; at < path.length; ) {
    const slash = path.indexOf('/', at)
    const end = slash < 0 ? path.length : slash
    if (end > at) names.push(path.slice(at, end))
    at = end + 1
  }
  return names
}

/** The path of the parent, and the name, of a path without repeated slashes; the root's name is empty. */
export function splitLast(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { parent: path.slice(0, slash) || '/', name: path.slice(slash + 1) }
}

/** The outermost name of a path without repeated slashes; empty for the root. */
export function outermostName(path: string): string {
  const end = path.indexOf('/', 1)
  return end < 0 ? path.slice(1) : path.slice(1, end)
}

/** The path of a child. */
export const joinPath = (parent: string, name: string): string =>
  parent === '/' ? `/${name}` : `${parent}/${name}`

/** Whether a name is a server's identity: X and 16 lower-case hexadecimal digits. */
export const isServerId = (name: string): boolean => /^X[0-9a-f]{16}$/.test(name)
