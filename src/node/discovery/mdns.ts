/**
 * Finds servers by multicast DNS and DNS-SD (RFC 6762, RFC 6763), as Avahi and Bonjour do: the service _circuit._tcp. It tells only where
 * servers are; whether they are the circuit's, the key says when they are joined.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Bonjour, type Browser, type Service, type ServiceConfig } from 'bonjour-service'
import { isServerId } from '../../proto/path.ts'
import { parseUrl } from '../../proto/url.ts'
import type { Key } from '../peer/key.ts'
import type { Found } from './caller.ts'
import type { Way } from './discovery.ts'

export interface MdnsBrowserOptions {
  /** Addresses of this host: on their interfaces it is asked, and nowhere else. */
  readonly interfaces: readonly string[]
  readonly keys: readonly Key[]
  readonly onFound: (found: Found) => void
}

export interface MdnsOptions extends Omit<MdnsBrowserOptions, 'onFound'> {
  readonly self: () => Found
  readonly name: string
}

const TYPE = 'circuit'
/** Others are told that this server goes; who does not hear it in so many ms finds out otherwise. */
const GOODBYE_MS = 300

/** Of a key's name, so much is published. */
const hint = ({ id }: Key): string => id.slice(0, 8)

/** Asks which servers there are. Both servers and clients do. */
export class MdnsBrowser {
  readonly #options: MdnsBrowserOptions
  readonly #networks: readonly { readonly bonjour: Bonjour; readonly browser: Browser }[]

  /** Asks for the first time. */
  constructor(options: MdnsBrowserOptions) {
    this.#options = options
    this.#networks = options.interfaces.map((address) => {
      // With an interface alone it would find nothing; without an error handler a network that goes would end the server.
      const where: object = { interface: address, bind: '0.0.0.0' }
      const bonjour = new Bonjour(where, () => {})
      return { bonjour, browser: bonjour.find({ type: TYPE }, (service) => this.#consider(service)) }
    })
  }

  call(): void {
    for (const { browser } of this.#networks) {
      browser.update()
      for (const service of browser.services) this.#consider(service)
    }
  }

  /** On all networks. */
  publish(service: ServiceConfig): void {
    for (const { bonjour } of this.#networks) bonjour.publish(service)
  }

  /** Settles when others should know that nothing is published here any more. */
  async unpublish(): Promise<void> {
    const told = this.#networks.map(
      ({ bonjour }) => new Promise<void>((resolve) => bonjour.unpublishAll(resolve)),
    )
    const late = new AbortController()
    await Promise.race([
      Promise.all(told),
      sleep(GOODBYE_MS, undefined, { signal: late.signal }).catch(() => {}),
    ])
    late.abort()
  }

  close(): void {
    for (const { bonjour, browser } of this.#networks) {
      browser.stop()
      bonjour.destroy()
    }
  }

  /** What others publish may be anything. */
  #consider({ txt }: Service): void {
    const { keys, onFound } = this.#options
    const { id, address, key } = (txt ?? {}) as Record<string, unknown>
    if (typeof id !== 'string' || typeof address !== 'string' || !isServerId(id)) return
    if (keys.length > 0 && !keys.some((own) => hint(own) === key)) return
    try {
      parseUrl(address)
    } catch {
      return
    }
    onFound({ id, address })
  }
}

/** Finds servers for a server, and publishes it. */
export class Mdns implements Way {
  readonly #options: MdnsOptions
  #browser: MdnsBrowser | undefined

  constructor(options: MdnsOptions) {
    this.#options = options
  }

  async start(onFound: (found: Found) => void): Promise<void> {
    const { self, name, keys } = this.#options
    const { id, address } = self()
    this.#browser = new MdnsBrowser({ ...this.#options, onFound })
    // The name is unique, so nothing is to be probed for; and who met a conflict would drop the first owner.
    this.#browser.publish({
      name: id,
      type: TYPE,
      port: parseUrl(address).port,
      probe: false,
      disableIPv6: true,
      txt: { id, name, address, key: keys[0] ? hint(keys[0]) : '' },
    })
  }

  call(): void {
    this.#browser?.call()
  }

  async stop(): Promise<void> {
    const browser = this.#browser
    this.#browser = undefined
    await browser?.unpublish()
    browser?.close()
  }
}
