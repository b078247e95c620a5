/** How soon a command of a client has ended, against the start of Node alone. */
import { fileURLToPath } from 'node:url'
import { inEachPlace } from '../place.ts'
import type { Group } from '../report.ts'

const RUNS = 20
/** The bundle, as package.json names it. */
const CIRCUIT = fileURLToPath(new URL('../../bin/circuit.cjs', import.meta.url))
/** Extra certificates, which some machines are set up with, are read by every Node at its start. */
const NODE = ['env', '-u', 'NODE_EXTRA_CA_CERTS', process.execPath]

export const client: Group = {
  name: 'client',
  title: 'Starting a client: `circuit ls /`, against `node -e 0`',
  run: (rounds) =>
    inEachPlace(rounds, (place) =>
      place.circuit(async () => [
        await place.compare(
          '`circuit ls /`: start, find a server, TLS handshake, a call',
          place.wholeRate('spawnwait', String(RUNS), ...NODE, '-e', '0'),
          place.wholeRate('spawnwait', String(RUNS), ...NODE, CIRCUIT, 'ls', '/'),
          { unit: 'runs/s', target: 1 / 2.5 },
        ),
      ]),
    ),
}
