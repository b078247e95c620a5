/**
 * Whether a container has its program. An init stands before it, which starts whatever it is told to, so the engine would say
 * yes, and the container end with 127.
 */
import type { IncomingMessage } from 'node:http'
import { posix } from 'node:path'
import { CircuitError } from '../../../proto/errors.ts'
import type { Engine, Inspection } from './engine.ts'
import { isMissing } from './errors.ts'

/** Where a shell would look if nobody said (execvpe(3)); the engine says so itself (moby, oci/defaults). */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
/** Bits of Go's os.FileMode, in which the engine speaks. */
const DIRECTORY = 0x8000_0000
const SYMLINK = 0x0800_0000
const EXECUTE = 0o111

/** @throws CircuitError ENOENT where it is missing, EACCES where it can't be run */
export async function checkProgram(engine: Engine, { Id, Path, Config }: Inspection): Promise<void> {
  const found = (await Promise.all(candidates(Path, Config).map((path) => modeOf(engine, Id, path)))).filter(
    (mode) => mode !== undefined,
  )
  if (found.some(isProgram)) return
  if (found.length === 0)
    throw new CircuitError(
      'ENOENT',
      `can't run ${Path}: there is no program ${Path} in the image ${Config.Image}`,
    )
  throw new CircuitError('EACCES', `can't run ${Path}: in the image ${Config.Image} it is no program`)
}

function candidates(program: string, { Env, WorkingDir }: Inspection['Config']): string[] {
  if (program.includes('/')) return [posix.resolve('/', WorkingDir, program)]
  const path = Env?.find((variable) => variable.startsWith('PATH='))?.slice('PATH='.length) ?? DEFAULT_PATH
  return path.split(':').map((directory) => posix.resolve('/', WorkingDir, directory, program))
}

/** Where a symbolic link leads is not followed: it counts as a program. */
const isProgram = (mode: number): boolean =>
  (mode & SYMLINK) !== 0 || ((mode & DIRECTORY) === 0 && (mode & EXECUTE) !== 0)

async function modeOf(engine: Engine, id: string, path: string): Promise<number | undefined> {
  try {
    const message: IncomingMessage = await engine.docker.getContainer(id).infoArchive({ path })
    message.resume()
    const stat = message.headers['x-docker-container-path-stat']
    return Number(JSON.parse(Buffer.from(String(stat), 'base64').toString()).mode)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
