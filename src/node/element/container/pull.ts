/** Has the engine fetch an image, and tells how far it is. */
import type { Engine } from './engine.ts'

interface Progress {
  /** The layer. */
  readonly id?: string
  readonly status?: string
}

/**
 * @param tell hears of each step of each layer, in the engine's words
 * @throws CircuitError with the engine's sentence
 */
export async function pull(
  engine: Engine,
  image: string,
  signal: AbortSignal,
  tell: (step: string) => void,
): Promise<void> {
  await engine.try(`can't pull ${image}`, async () => {
    const stream = await engine.docker.pull(withTag(image), { abortSignal: signal })
    const last = new Map<string, string>()
    await new Promise<void>((resolve, reject) => {
      const progress = ({ id = '', status = '' }: Progress): void => {
        // Bytes are told many times a second.
        if (status === '' || last.get(id) === status) return
        last.set(id, status)
        tell(id === '' ? status : `${id}: ${status}`)
      }
      engine.docker.modem.followProgress(
        stream,
        (error) => (error ? reject(refused(error)) : resolve()),
        progress,
      )
    })
  })
}

/** What fails while it is under way comes without a status of its own. */
const refused = (error: Error): Error => Object.assign(error, { statusCode: 404 })

/** Without a tag the engine would fetch all that there are. */
const withTag = (image: string): string => (/[:@][^/]*$/.test(image) ? image : `${image}:latest`)
