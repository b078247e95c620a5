/** What senders and receivers have in common: they block, and poll, and are never left waiting in vain. */
import type { Cancel, Handle } from '../../../../src/node/handle.ts'
import { CircuitError } from '../../../../src/proto/errors.ts'
import type { World } from './world.ts'

export const check = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

export const codeOf = (thrown: unknown): string => {
  if (thrown instanceof CircuitError) return thrown.code
  throw thrown
}

export abstract class User {
  protected readonly world: World
  protected readonly handle: Handle
  protected cancel: Cancel | undefined
  #watch: Cancel | undefined
  #poll: 'idle' | 'waits' = 'idle'

  constructor(world: World, handle: Handle) {
    this.world = world
    this.handle = handle
  }

  get waits(): boolean {
    return this.cancel !== undefined
  }

  /** Blocks until `attempt` says that it is done. */
  protected block(direction: 'read' | 'write', attempt: () => boolean): void {
    const go = (): void => {
      for (;;) {
        if (attempt()) return
        let waiting = false
        let woken = false
        const cancel = this.handle.wait(direction, () => {
          woken = true
          if (!waiting) return
          this.cancel = undefined
          go()
        })
        if (woken) continue
        waiting = true
        this.cancel = cancel
        return
      }
    }
    go()
  }

  protected stopWaiting(): boolean {
    const { cancel } = this
    this.cancel = undefined
    cancel?.()
    return cancel !== undefined
  }

  /** Whoever waits would get nothing by trying once more, and whoever polls has been told of what is to be had. */
  checkWaiting(): void {
    if (this.cancel !== undefined) check(!this.couldGoOn(), `${this.constructor.name} waits, but could go on`)
    if (this.#poll === 'waits') check(!this.#isReady(), `${this.constructor.name} polls, and was not told`)
  }

  protected abstract couldGoOn(): boolean

  /** Asks for readiness; if there is none, a change must be told. */
  poll(): void {
    this.#watch ??= this.handle.watch(() => {
      this.#poll = 'idle'
    })
    this.#poll = this.#isReady() ? 'idle' : 'waits'
  }

  protected stopPolling(): void {
    this.#poll = 'idle'
  }

  #isReady(): boolean {
    const { readable, writable, hangup } = this.handle.ready() ?? {
      readable: false,
      writable: false,
      hangup: false,
    }
    return readable || writable || hangup
  }

  protected closeHandle(): void {
    this.stopPolling()
    this.#watch?.()
    this.handle.close()
  }
}
