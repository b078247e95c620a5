/** A subscription: servers that come, or that go, as messages in their order. What nobody receives is bounded. */
import type { Budget } from '../budget.ts'
import type { Members, MembersChange } from '../circuit.ts'
import type { Cancel } from '../handle.ts'
import { Channel } from './channel.ts'
import { defineKind, type Element, expectWords, type Kind, type MakerSpec } from './kind.ts'
import { Message } from './message.ts'

/** Messages that wait; beyond that the oldest go. */
const MAX_PENDING = 4096

type Source = 'join' | 'leave'

export class Subscription implements Element {
  readonly kind: Kind
  /** Receivers have with events what they have with messages: it is never full, since nobody is blocked on sending. */
  readonly channel: Channel
  readonly #source: Source
  readonly #budget: Budget
  readonly #stop: Cancel
  /** Messages that stand for events that went, and for how many. */
  readonly #gaps = new WeakMap<Message, number>()
  #scrubbed = false

  constructor(source: Source, members: Members, budget: Budget) {
    this.kind = source === 'join' ? joinKind : leaveKind
    this.#source = source
    this.#budget = budget
    this.channel = new Channel(0, budget)
    if (source === 'join') for (const { id } of members.list()) this.#add(id)
    this.#stop = members.onChange((change) => this.#hear(change))
  }

  get alive(): boolean {
    return !this.#scrubbed
  }

  peek(): unknown {
    return { Source: this.#source, Pending: this.channel.pending, Closed: this.#scrubbed }
  }

  scrub(): void {
    this.#scrubbed = true
    this.#stop()
    this.channel.scrub()
  }

  #hear({ kind, member }: MembersChange): void {
    if ((kind === 'joined') === (this.#source === 'join')) this.#add(member.id)
  }

  #add(id: string): void {
    if (this.channel.pending >= MAX_PENDING) this.#makeRoom()
    this.channel.admit(Buffer.from(`/${id}\n`)).message.end()
  }

  /** The oldest events go: in their place, and that of those before them, comes how many went. */
  #makeRoom(): void {
    let lost = 0
    // For the event that comes, and for what tells of the gap.
    while (this.channel.pending > MAX_PENDING - 2) {
      const message = this.channel.take()
      if (message === undefined) break
      this.channel.finished(message)
      message.release()
      lost += this.#gaps.get(message) ?? 1
    }
    const gap = new Message(this.#budget)
    gap.accept(Buffer.from(`lost ${lost}\n`))
    gap.end()
    this.#gaps.set(gap, lost)
    this.channel.giveBack(gap)
  }
}

const maker = (verb: string, source: Source, help: string): Record<string, MakerSpec> => ({
  [verb]: {
    usage: verb,
    help,
    make: (command, { host }) => {
      expectWords(command, verb, 0)
      return new Subscription(source, host.members(), host.messageBudget)
    },
  },
})

const define = (source: Source, what: string): Kind =>
  defineKind<Subscription>({
    name: `@${source}`,
    files: {
      recv: {
        access: 'read',
        nature: 'stream',
        opensBoth: true,
        delicate: true,
        help: `read an event: blocks until there is one, a line with the path of a server, end of file is its end; with <> the next read takes the next; "lost N" where more than ${MAX_PENDING} waited`,
        open: (subscription, mode) => subscription.channel.openReceive(mode),
      },
    },
    verbs: {},
    makers: maker(`mk@${source}`, source, what),
  })

export const joinKind: Kind = define('join', 'tell of servers: those that are there, then each that comes')
export const leaveKind: Kind = define('leave', 'tell of each server that stops or is lost')
