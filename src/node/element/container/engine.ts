/** The Docker engine that this server makes containers with. Loaded, with dockerode, when it is first needed. */
import { Agent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import type { Socket } from 'node:net'
import Docker from 'dockerode'
import { CircuitError } from '../../../proto/errors.ts'
import { type Address, attach, awaitExit, type StreamName } from './connection.ts'
import { engineError, isMissing } from './errors.ts'

/** What is asked of the engine while somebody waits for `peek` is answered within this many ms, or not. */
const ASK_MS = 1000

/** What docker-modem has made of the environment; its types leave that out. */
interface Modem {
  readonly protocol: 'http' | 'https' | 'ssh'
  readonly host?: string
  readonly port?: string | number
  readonly ca?: unknown
  readonly cert?: unknown
  readonly key?: unknown
  agent?: Agent
  getSocketPath(): Promise<string>
}

/** What `inspect` says, as far as it is used here. */
export type Inspection = Docker.ContainerInspectInfo

export class Engine {
  readonly docker: Docker
  readonly address: Address
  /** As a URL, for sentences. */
  readonly where: string

  private constructor(docker: Docker, address: Address) {
    this.docker = docker
    this.address = address
    this.where =
      'socketPath' in address ? `unix://${address.socketPath}` : `tcp://${address.host}:${address.port}`
  }

  static #only: Promise<Engine> | undefined

  /** The one at DOCKER_HOST, or at the usual socket. @throws CircuitError EINVAL for a DOCKER_HOST that can't be used */
  static get(): Promise<Engine> {
    Engine.#only ??= Engine.#make()
    return Engine.#only
  }

  static async #make(): Promise<Engine> {
    try {
      const docker = new Docker()
      const modem = docker.modem as unknown as Modem
      const { protocol } = modem
      if (protocol === 'ssh') throw new Error('ssh:// is not supported; forward its socket with ssh -L')
      const address = await addressOf(modem)
      // A connection that is kept may be one to an engine that has gone.
      modem.agent = protocol === 'https' ? new SecureAgent() : new Agent()
      return new Engine(docker, address)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new CircuitError('EINVAL', `DOCKER_HOST names no engine that can be used: ${why}`, { cause })
    }
  }

  /** Does something with the engine. @throws CircuitError */
  async try<T>(tried: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw engineError(tried, this.where, error)
    }
  }

  attach(id: string, stream: StreamName, signal: AbortSignal): Promise<Socket> {
    return this.try("can't attach to the container", () => attach(this.address, id, stream, signal))
  }

  /** See connection.ts. */
  awaitExit(
    id: string,
    condition: 'next-exit' | 'not-running',
    signal: AbortSignal,
  ): Promise<{ readonly status: Promise<number> }> {
    return this.try("can't wait for the container", () => awaitExit(this.address, id, condition, signal))
  }

  /** What `docker inspect` says. @param limit in ms @throws CircuitError EHOSTDOWN when there is no answer in time */
  inspect(id: string, limit = ASK_MS): Promise<Inspection> {
    const abortSignal = AbortSignal.timeout(limit)
    return this.try("can't inspect the container", async () => {
      try {
        return await this.docker.getContainer(id).inspect({ abortSignal })
      } catch (error) {
        if (!abortSignal.aborted) throw error
        throw new CircuitError(
          'ETIMEDOUT',
          `the Docker engine at ${this.where} gave no answer within ${limit} ms`,
          {
            cause: error,
          },
        )
      }
    })
  }

  /** Takes a container away, running or not, with its anonymous volumes; one that is not there is as good. */
  async remove(id: string): Promise<void> {
    await this.try("can't remove the container", async () => {
      try {
        await this.docker.getContainer(id).remove({ force: true, v: true })
      } catch (error) {
        if (!isMissing(error)) throw error
      }
    })
  }
}

async function addressOf(modem: Modem): Promise<Address> {
  if (modem.host === undefined) return { socketPath: await modem.getSocketPath() }
  const { host, port, ca, cert, key } = modem
  return { host, port: String(port), tls: modem.protocol === 'https' ? { ca, cert, key } : undefined }
}
