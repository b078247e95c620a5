/**
 * Asks members whether they are there: one after the other, in an order shuffled for each round, so that each is asked within a
 * bounded time (SWIM, section 4.3); first itself, then through others.
 */
import type { Cancel } from '../handle.ts'
import type { Awareness } from './awareness.ts'
import { after, type Environment, insert, sample, shuffle } from './environment.ts'
import type { Destination, Message } from './messages.ts'
import { isLive, type Member, type Roster } from './roster.ts'
import type { Timing } from './timing.ts'

export interface ProberOptions {
  readonly environment: Environment
  readonly timing: Timing
  readonly awareness: Awareness
  readonly roster: Roster
  readonly send: (to: Destination, message: Message) => void
  /** It answers neither this server nor others. */
  readonly onSilent: (member: Member) => void
}

interface Probe {
  readonly member: Member
  /** Members that were asked to ping it, and have said that they got no answer. */
  helpers: number
  nacks: number
  postponed: boolean
  cancel: Cancel
}

/** Of its own time a helper leaves a fifth for its answer's way. */
const HELP_SHARE = 0.8

export class Prober {
  readonly #options: ProberOptions
  readonly #probes = new Map<number, Probe>()
  /** Pings for others, by their number: whom to tell. */
  readonly #favours = new Map<number, { readonly to: Member; readonly seq: number }>()
  #order: Member[] = []
  #at = 0
  #seq = 0
  #tick: Cancel | undefined

  constructor(options: ProberOptions) {
    this.#options = options
  }

  /** A member is there from now on: it takes a place in the current round, anywhere. */
  added(member: Member): void {
    const { environment, timing } = this.#options
    insert(environment, this.#order, this.#at, member)
    this.#tick ??= after(environment, environment.random() * timing.probeInterval, () => this.#turn())
  }

  stop(): void {
    this.#tick?.()
    for (const { cancel } of this.#probes.values()) cancel()
    this.#probes.clear()
  }

  /** Asks a member now, out of turn, unless it is being asked. */
  probe(member: Member): void {
    for (const probe of this.#probes.values()) if (probe.member === member) return
    const { environment, timing, awareness } = this.#options
    const seq = this.#number()
    const probe: Probe = {
      member,
      helpers: 0,
      nacks: 0,
      postponed: false,
      cancel: after(environment, awareness.scale(timing.ackTimeout), () => this.#askOthers(seq, probe)),
    }
    this.#probes.set(seq, probe)
    this.#options.send(member.info, { kind: 'ping', seq })
  }

  /** Whether anybody is at its port is asked at once: its connection broke. */
  check(member: Member): void {
    this.probe(member)
    for (const [seq, probe] of this.#probes) if (probe.member === member) this.#knock(seq, probe)
  }

  onAck(seq: number): void {
    const favour = this.#favours.get(seq)
    if (favour) {
      this.#favours.delete(seq)
      return this.#options.send(favour.to.info, { kind: 'ack', seq: favour.seq })
    }
    const probe = this.#probes.get(seq)
    if (probe === undefined) return
    this.#probes.delete(seq)
    probe.cancel()
    this.#options.awareness.change(-1)
    probe.member.gone = false
  }

  onNack(seq: number): void {
    const probe = this.#probes.get(seq)
    if (probe) probe.nacks++
  }

  /** Pings a member in another's place. */
  help(asker: Member, seq: number, target: Destination, patience: number): void {
    const { environment, send } = this.#options
    const own = this.#number()
    this.#favours.set(own, { to: asker, seq })
    send(target, { kind: 'ping', seq: own })
    after(environment, patience * HELP_SHARE, () => {
      if (this.#favours.has(own)) send(asker.info, { kind: 'nack', seq })
    })
    after(environment, patience * 2, () => this.#favours.delete(own))
  }

  #number(): number {
    this.#seq = (this.#seq + 1) >>> 0
    // 0 is for pings whose answer nobody waits for.
    return this.#seq || ++this.#seq
  }

  #turn(): void {
    const { environment, timing, awareness } = this.#options
    const member = this.#pick()
    this.#tick = member && after(environment, awareness.scale(timing.probeInterval), () => this.#turn())
    if (member) this.probe(member)
  }

  #pick(): Member | undefined {
    const { roster, environment } = this.#options
    while (roster.live.length > 0) {
      const member = this.#order[this.#at++]
      if (member && isLive(member)) return member
      if (this.#at < this.#order.length) continue
      this.#order = shuffle(environment, [...roster.live])
      this.#at = 0
    }
    this.#order = []
    this.#at = 0
    return undefined
  }

  #askOthers(seq: number, probe: Probe): void {
    const { environment, timing, awareness, send } = this.#options
    const patience = awareness.scale(timing.ackTimeout)
    // Once more directly: the ping may have been lost, or the member may not know this server any more.
    probe.member.knows = undefined
    send(probe.member.info, { kind: 'ping', seq })
    probe.helpers = this.#askHelpers(seq, probe, patience)
    probe.cancel = after(environment, patience / 2, () => this.#askAgain(seq, probe, patience / 2))
    this.#knock(seq, probe)
  }

  /**
   * Once more in every way, by other helpers. Few probes get so far, but in a large circuit on a bad network it is of them that
   * suspicions come, and each of those is news for all: what a server sends would grow with N.
   */
  #askAgain(seq: number, probe: Probe, patience: number): void {
    const { environment, send } = this.#options
    send(probe.member.info, { kind: 'ping', seq })
    // That these say nothing does not mean that this server hears badly: they have little time.
    this.#askHelpers(seq, probe, patience)
    probe.cancel = after(environment, patience, (late) => this.#end(seq, probe, late))
  }

  /** Says how many there are. */
  #askHelpers(seq: number, { member }: Probe, patience: number): number {
    const { environment, timing, roster, send } = this.#options
    const others = sample(environment, roster.live, timing.indirectProbes + 1)
      .filter((other) => other !== member)
      .slice(0, timing.indirectProbes)
    const { id, address } = member.info
    for (const { info } of others) send(info, { kind: 'indirect', seq, target: { id, address }, patience })
    return others.length
  }

  /** Where its host says that nobody is at its port, others get half the time to say something else. */
  #knock(seq: number, probe: Probe): void {
    const { environment, timing, awareness, roster } = this.#options
    environment.knock(probe.member.info, () => {
      if (this.#probes.get(seq) !== probe || probe.member.gone) return
      probe.member.gone = true
      if (probe.helpers === 0 && roster.live.length > 1) {
        probe.cancel()
        this.#askOthers(seq, probe)
      }
      probe.cancel()
      const patience = awareness.scale(timing.ackTimeout) / 2
      probe.cancel = after(environment, patience, (late) => this.#end(seq, probe, late))
    })
  }

  #end(seq: number, probe: Probe, late: number): void {
    const { environment, timing, awareness, onSilent } = this.#options
    // This server stood still: the answer may lie unread.
    if (late > timing.stallTolerance && !probe.postponed) {
      probe.postponed = true
      awareness.change(1)
      probe.cancel = after(environment, timing.ackTimeout, (late) => this.#end(seq, probe, late))
      return
    }
    this.#probes.delete(seq)
    const missed = probe.helpers === 0 ? 1 : Math.max(0, probe.helpers - probe.nacks)
    if (!probe.member.gone) awareness.change(missed)
    if (isLive(probe.member)) onSilent(probe.member)
  }
}
