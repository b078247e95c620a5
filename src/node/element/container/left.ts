/** Containers that servers of this name have left behind: they go on when their server ends. */
import type { Host } from '../../host.ts'
import { LABEL } from './description.ts'
import { Engine } from './engine.ts'

/** Tells of them in the log. @throws CircuitError when the engine does not answer */
export async function findLeft({ name, log, members }: Host): Promise<void> {
  const engine = await Engine.get()
  const filters = JSON.stringify({ label: [`${LABEL.serverName}=${name}`] })
  const found = await engine.try("can't list containers", () =>
    engine.docker.listContainers({ all: true, filters }),
  )
  for (const { Names, Id, Labels, Status } of found) {
    const server = Labels[LABEL.server] ?? ''
    // Another server may have the same name at the same time.
    if (members().get(server)) continue
    const container = Names[0]?.replace(/^\//, '') ?? Id
    const outcome = `the container ${container} of the server ${server}, which has ended, is there: ${Status}`
    log.add({ operation: 'found', path: Labels[LABEL.anchor] ?? '', outcome })
  }
}
