/**
 * A watchbot, as examples/watchbot.sh, by the client library: a payload that comes back however it ends. Its nucleus, a process
 * on some server, waits for the end of the payload, starts a new nucleus somewhere, and ends; that starts a new payload.
 *
 *   tsc watchbot.ts, to every host; on one of them: node watchbot.js NAME
 */
import { CircuitError, connect } from 'circuitfs'

const [program = '', name = 'watchbot', generation = '0', predecessor] = process.argv.slice(1)
const isLost = (error: unknown): boolean => error instanceof CircuitError && error.code === 'EHOSTDOWN'
const circuit = await connect()

/** Starts a program on a server chosen by chance, and says where. */
async function start(anchor: string, Path: string, ...Args: string[]): Promise<string> {
  const servers = await circuit.servers()
  const path = `${servers[Math.floor(Math.random() * servers.length)]?.path}/${anchor}`
  try {
    await circuit.make(path)
    await circuit.command(path, 'mkproc', { fields: { Path, Args } })
    return path
  } catch (error) {
    if (!isLost(error)) throw error
    return start(anchor, Path, ...Args)
  }
}

/** Awaits the end of a program, or the loss of its server, and clears away what is left of it. */
async function end(path: string): Promise<void> {
  try {
    await circuit.readText(`${path}/wait`)
    await circuit.remove(path)
  } catch (error) {
    if (!isLost(error)) throw error
  }
}

if (predecessor) await end(predecessor)
if (generation !== '0') await end(await start(`${name}-payload-${generation}`, 'sleep', '1000'))
const next = String(Number(generation) + 1)
const self = generation === '0' ? [] : [`/${circuit.server}/${name}-nucleus-${generation}`]
console.log(await start(`${name}-nucleus-${next}`, process.execPath, program, name, next, ...self))
await circuit.close()
