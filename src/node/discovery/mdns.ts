/**
 * Finds servers by multicast DNS and DNS-SD (RFC 6762, RFC 6763), as Avahi and Bonjour do: the service _circuit._tcp. It tells only where
 * servers are; whether they are the circuit's, the key says when they are joined.
 */
import { Bonjour, type Browser, type Service } from 'bonjour-service'
import { isServerId } from '../../proto/path.ts'
import { parseUrl } from '../../proto/url.ts'
import type { Key } from '../peer/key.ts'
import type { Found } from './caller.ts'
import type { Way } from './discovery.ts'

export interface MdnsOptions {
  /** Addresses of this host: on their interfaces it is asked and answered, and nowhere else. */
  readonly interfaces: readonly string[]
  readonly keys: readonly Key[]
  readonly self: () => Found
  readonly name: string
}

const TYPE = 'circuit'
/** Others are told that this server goes; who does not hear it in so many ms finds out otherwise. */
const GOODBYE_MS = 300

export class Mdns implements Way {
  readonly #options: MdnsOptions
  readonly #responders: { readonly bonjour: Bonjour; readonly browser: Browser }[] = []
  #onFound: (found: Found) => void = () => {}

  constructor(options: MdnsOptions) {
    this.#options = options
  }

  async start(onFound: (found: Found) => void): Promise<void> {
    this.#onFound = onFound
    for (const address of this.#options.interfaces) this.#responders.push(this.#respond(address))
  }

  call(): void {
    for (const { browser } of this.#responders) {
      browser.update()
      for (const service of browser.services) this.#consider(service)
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#responders.splice(0).map(({ bonjour, browser }) => end(bonjour, browser)))
  }

  #respond(address: string): { bonjour: Bonjour; browser: Browser } {
    // With an interface alone it would find nothing; without an error handler a network that goes would end the server.
    const options: object = { interface: address, bind: '0.0.0.0' }
    const bonjour = new Bonjour(options, () => {})
    const { id, address: dialled } = this.#options.self()
    const key = this.#options.keys[0]?.id.slice(0, 8) ?? ''
    // The name is unique, so nothing is to be probed for; and who met a conflict would drop the first owner.
    bonjour.publish({
      name: id,
      type: TYPE,
      port: parseUrl(dialled).port,
      probe: false,
      disableIPv6: true,
      txt: { id, name: this.#options.name, address: dialled, key },
    })
    const browser = bonjour.find({ type: TYPE }, (service) => this.#consider(service))
    return { bonjour, browser }
  }

  /** What others publish may be anything. */
  #consider({ txt }: Service): void {
    const { id, address, key } = (txt ?? {}) as Record<string, unknown>
    if (typeof id !== 'string' || typeof address !== 'string' || !isServerId(id)) return
    if (this.#options.keys.length > 0 && !this.#options.keys.some((own) => own.id.slice(0, 8) === key)) return
    try {
      parseUrl(address)
    } catch {
      return
    }
    this.#onFound({ id, address })
  }
}

function end(bonjour: Bonjour, browser: Browser): Promise<void> {
  browser.stop()
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      bonjour.destroy()
      resolve()
    }
    const timer = setTimeout(done, GOODBYE_MS)
    bonjour.unpublishAll(done)
  })
}
