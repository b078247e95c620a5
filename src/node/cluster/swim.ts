/**
 * Who is there: SWIM (Das, Gupta, Motivala 2002) with Lifeguard's local health (Dadgar, Phillips, Currey 2018), as a state machine
 * that knows no clock, socket or chance but those of its environment. It differs from the papers in four points:
 *
 * - Views are compared by a digest in every datagram, and pages are exchanged only where digests stay different.
 * - Who hears of a suspicion looks for himself, a few servers at a time, so that failures are confirmed, or not, at once.
 * - A host that answers that nobody is at the port shortens the suspicion.
 * - A timer that is late accuses nobody before what came meanwhile has been read: a server that was stopped, or is
 *   starved, does not take the others for dead.
 */
import { Awareness } from './awareness.ts'
import { Comparer } from './comparer.ts'
import { after, type Environment, sample } from './environment.ts'
import {
  type Alive,
  type Destination,
  type Info,
  type Message,
  type Packet,
  ROOM,
  type Rumor,
  type ServerRecord,
  sizeOf,
  subject,
} from './messages.ts'
import { Prober } from './prober.ts'
import { isLive, type Member, Roster, type State } from './roster.ts'
import { Rumors } from './rumors.ts'
import { Searcher } from './searcher.ts'
import { Suspicion } from './suspicion.ts'
import { suspicionBounds, type Timing, transmissions } from './timing.ts'

export type Departure = 'left' | 'failed'

export interface SwimOptions {
  readonly self: Info
  readonly timing: Timing
  readonly environment: Environment
  /** A server is there, for the first time or again. */
  readonly onJoined: (info: Info) => void
  /** A server is no longer there. */
  readonly onGone: (info: Info, how: Departure) => void
}

/** How often a late timer may put off one verdict. */
const MAX_POSTPONED = 3

export class Swim {
  readonly #options: SwimOptions
  readonly #environment: Environment
  readonly #timing: Timing
  readonly #roster: Roster
  readonly #rumors = new Rumors()
  readonly #awareness: Awareness
  readonly #prober: Prober
  readonly #searcher: Searcher
  readonly #comparer: Comparer
  #gossiping = false
  #state: 'running' | 'leaving' | 'stopped' = 'running'

  constructor(options: SwimOptions) {
    const { environment, timing } = options
    this.#options = options
    this.#environment = environment
    this.#timing = timing
    this.#roster = new Roster(options.self)
    this.#awareness = new Awareness(timing.maxAwareness)
    const common = {
      environment,
      timing,
      roster: this.#roster,
      send: (to: Destination, message: Message) => this.#send(to, message),
    }
    this.#searcher = new Searcher(common)
    this.#prober = new Prober({
      ...common,
      awareness: this.#awareness,
      onSilent: (member) => this.#accuse(member),
    })
    this.#comparer = new Comparer({
      ...common,
      busy: () => this.#rumors.size > 0,
      onRecord: (record, from, spread) => this.#compare(record, from, spread),
    })
  }

  /** Live servers other than this one. */
  get live(): readonly Member[] {
    return this.#roster.live
  }

  /** Servers that failed and may come back. */
  get lost(): readonly Member[] {
    return this.#roster.lost
  }

  get(id: string): Member | undefined {
    return this.#roster.get(id)
  }

  get incarnation(): number {
    return this.#roster.self.incarnation
  }

  /** 0: this server hears all others well; up to the timing's maxAwareness. */
  get awareness(): number {
    return this.#awareness.score
  }

  /** Of the live servers as this one sees them: equal digests are equal views. */
  get digest(): number {
    return this.#roster.digest
  }

  /** A server of another circuit, or of this one, was met: learns whom it knows. `done` tells whether it answered. */
  join(info: Info, done: (complete: boolean) => void = () => {}): void {
    this.#alive({ kind: 'alive', info, incarnation: 0 }, true)
    this.#comparer.pull(info, (complete) => {
      if (complete) this.#announce()
      done(complete)
    })
  }

  /** The connection to a member broke: is it still there? */
  check(id: string): void {
    const member = this.#roster.get(id)
    if (member && isLive(member) && this.#state === 'running') this.#prober.check(member)
  }

  /** Tells others that this server leaves, and is silent from then on except for gossip. Then: stop(). */
  leave(): void {
    if (this.#state !== 'running') return
    this.#state = 'leaving'
    this.#prober.stop()
    this.#searcher.stop()
    this.#comparer.stop()
    this.#tell(
      { kind: 'left', id: this.#options.self.id, incarnation: this.incarnation },
      2 * this.#timing.announceFanout,
    )
  }

  stop(): void {
    this.#state = 'stopped'
    this.#prober.stop()
    this.#searcher.stop()
    this.#comparer.stop()
    for (const member of this.#roster.live) member.suspicion?.cancel()
  }

  /** A datagram of another server, which is who it says it is. */
  receive(sender: string, { message, digest, rumors }: Packet): void {
    if (this.#state !== 'running' || sender === this.#options.self.id) return
    const before = this.#roster.get(sender)?.state
    for (const rumor of rumors) this.#hear(rumor)
    const from = this.#roster.get(sender)
    // Whoever is not known yet introduces himself with his next ping.
    if (from === undefined || from.state === 'left') return
    if (digest === this.#roster.digest) from.knows = this.incarnation
    // It has missed this server's refutation.
    if (rumors.some((rumor) => this.#isOutdated(rumor))) this.#tellOne(from.info, this.#own())
    if (isLive(from)) this.#comparer.heard(from.info, digest, before === undefined || before === 'dead')
    this.#answer(from, message)
  }

  /** An accusation of this server that it has refuted before. */
  #isOutdated(rumor: Rumor): boolean {
    if (rumor.kind !== 'suspect' && rumor.kind !== 'dead') return false
    return rumor.id === this.#options.self.id && rumor.incarnation < this.incarnation
  }

  #answer(from: Member, message: Message): void {
    switch (message.kind) {
      case 'ping':
        return this.#send(from.info, { kind: 'ack', seq: message.seq })
      case 'ack':
        return this.#prober.onAck(message.seq)
      case 'nack':
        return this.#prober.onNack(message.seq)
      case 'indirect':
        return this.#prober.help(from, message.seq, message.target, message.patience)
      case 'pull':
        return this.#comparer.onPull(from.info, message.after)
      case 'page':
        return this.#comparer.onPage(from.info.id, message)
      case 'gossip':
        return
    }
  }

  #send(to: Destination, message: Message): void {
    if (this.#state === 'stopped') return
    const { digest } = this.#roster
    // A page is full.
    if (message.kind === 'page') return this.#environment.send(to, { message, digest, rumors: [] })
    const rumors: Rumor[] = []
    // Whom one speaks to may not know this server, or have lost it;
    const known = message.kind === 'ping' && this.#roster.get(to.id)?.knows === this.incarnation
    if (!known && (message.kind === 'ping' || message.kind === 'pull')) rumors.push(this.#own())
    // and is told first what others say of it, so that it can refute it.
    const accusation = this.#accusation(to.id)
    if (accusation) rumors.push(accusation)
    // Who is asked for a view is often a newcomer. The news that it is there would be spent on itself, page after page.
    if (message.kind === 'pull') return this.#environment.send(to, { message, digest, rumors })
    const used = rumors.reduce((sum, rumor) => sum + sizeOf(rumor), 0)
    rumors.push(...this.#rumors.take(ROOM - used, transmissions(this.#timing, this.#roster.size)))
    this.#environment.send(to, { message, digest, rumors })
  }

  #own(): Alive {
    return { kind: 'alive', ...this.#roster.self }
  }

  #accusation(id: string): Rumor | undefined {
    const member = this.#roster.get(id)
    const from = this.#options.self.id
    if (member?.state === 'suspect') return { kind: 'suspect', id, incarnation: member.incarnation, from }
    if (member?.state === 'dead')
      return { kind: 'dead', id, incarnation: member.incarnation, from, gone: false }
    return undefined
  }

  #hear(rumor: Rumor): void {
    switch (rumor.kind) {
      case 'alive':
        return this.#alive(rumor, true)
      case 'suspect':
        return this.#suspected(rumor)
      case 'dead':
        return this.#dead(rumor)
      case 'left':
        return this.#left(rumor)
    }
  }

  /** Another's whole view: whom it has lost, this server only suspects, since it may be on the other side of a partition. */
  #compare(record: ServerRecord, from: string, spread: boolean): void {
    if (record.kind === 'alive') return this.#alive(record, spread)
    if (record.kind === 'left') return this.#left(record)
    if (record.kind === 'lost' && this.#roster.get(record.info.id) === undefined) return this.#heardOf(record)
    this.#suspected({ kind: 'suspect', id: subject(record), incarnation: record.incarnation, from })
  }

  /** A server that others have lost before this one knew it. */
  #heardOf({ info, incarnation, age }: Extract<ServerRecord, { kind: 'lost' }>): void {
    if (info.id === this.#options.self.id) return this.#accused(incarnation)
    if (this.#roster.at(info.address)) return
    const since = this.#environment.now() - age
    this.#roster.add(info, 'dead', incarnation, since)
    this.#searcher.lost(since)
  }

  #alive(rumor: Alive, spread: boolean): void {
    const { info, incarnation } = rumor
    if (info.id === this.#options.self.id) {
      // Somebody has heard of an incarnation that this server does not remember: it must be outdone.
      if (incarnation > this.incarnation) this.#refute(incarnation)
      return
    }
    const member = this.#roster.get(info.id)
    if (member === undefined) return this.#arrived(this.#enter(info, incarnation), rumor, spread)
    if (incarnation <= member.incarnation || member.state === 'left') return
    const back = member.state === 'dead'
    member.gone = false
    this.#become(member, 'alive', incarnation)
    if (back) this.#arrived(member, rumor, true)
    else this.#spread(rumor)
  }

  #enter(info: Info, incarnation: number): Member {
    const before = this.#roster.at(info.address)
    const member = this.#roster.add(info, 'alive', incarnation, this.#environment.now())
    // Two servers can't be at one port: the one that was there is no more.
    if (before && before.info.since < info.since) {
      before.gone = true
      if (isLive(before)) this.#fail(before, before.incarnation)
    }
    return member
  }

  #arrived(member: Member, rumor: Rumor, spread: boolean): void {
    this.#prober.added(member)
    if (spread) this.#spread(rumor)
    this.#options.onJoined(member.info)
  }

  /** A probe has failed. */
  #accuse(member: Member): void {
    const { incarnation, info } = member
    this.#suspected({ kind: 'suspect', id: info.id, incarnation, from: this.#options.self.id })
    const { suspicion } = member
    if (!member.gone || suspicion === undefined) return
    suspicion.cancel()
    suspicion.cancel = this.#after(this.#timing.refusedTimeout, (late) => this.#expire(member, late))
  }

  #suspected(rumor: Extract<Rumor, { kind: 'suspect' }>): void {
    const { id, incarnation, from } = rumor
    if (id === this.#options.self.id) return this.#accused(incarnation)
    const member = this.#roster.get(id)
    if (member === undefined || !isLive(member) || incarnation < member.incarnation) return
    const { suspicion } = member
    if (suspicion) {
      if (!suspicion.ends.confirm(from)) return
      if (!member.gone) this.#awaitEnd(member, suspicion)
      return this.#spread(rumor)
    }
    this.#become(member, 'suspect', incarnation)
    const bounds = suspicionBounds(this.#timing, this.#roster.size)
    const needed = Math.max(0, Math.min(this.#timing.confirmations, this.#roster.size - 2))
    const ends = new Suspicion(this.#environment.now(), bounds, needed, from)
    member.suspicion = { ends, cancel: () => {}, postponed: 0 }
    this.#awaitEnd(member, member.suspicion)
    this.#spread(rumor)
    if (from === this.#options.self.id) return
    if (this.#environment.random() * this.#roster.size < this.#timing.witnesses) this.#prober.probe(member)
  }

  #awaitEnd(member: Member, suspicion: NonNullable<Member['suspicion']>): void {
    suspicion.cancel()
    const left = Math.max(0, suspicion.ends.deadline - this.#environment.now())
    suspicion.cancel = this.#after(left, (late) => this.#expire(member, late))
  }

  #expire(member: Member, late: number): void {
    const { suspicion } = member
    if (suspicion === undefined) return
    if (late > this.#timing.stallTolerance && suspicion.postponed++ < MAX_POSTPONED) {
      this.#awareness.change(1)
      const grace = Math.min(late, this.#timing.pauseTolerance)
      suspicion.cancel = this.#after(grace, (late) => this.#expire(member, late))
      return
    }
    this.#fail(member, member.incarnation)
  }

  #dead(rumor: Extract<Rumor, { kind: 'dead' }>): void {
    if (rumor.id === this.#options.self.id) return this.#accused(rumor.incarnation)
    const member = this.#roster.get(rumor.id)
    if (member === undefined || !isLive(member) || rumor.incarnation < member.incarnation) return
    member.gone ||= rumor.gone
    this.#fail(member, rumor.incarnation)
  }

  #fail(member: Member, incarnation: number): void {
    const { info, gone = false } = member
    this.#become(member, 'dead', incarnation)
    this.#spread({ kind: 'dead', id: info.id, incarnation, from: this.#options.self.id, gone })
    this.#searcher.lost(this.#environment.now())
    this.#options.onGone(info, 'failed')
  }

  #left(rumor: Extract<Rumor, { kind: 'left' }>): void {
    const member = this.#roster.get(rumor.id)
    if (member === undefined || member.state === 'left') return
    const wasLive = isLive(member)
    this.#become(member, 'left', Math.max(member.incarnation, rumor.incarnation))
    this.#spread(rumor)
    if (wasLive) this.#options.onGone(member.info, 'left')
  }

  #become(member: Member, state: State, incarnation: number): void {
    member.suspicion?.cancel()
    member.suspicion = undefined
    const now = this.#environment.now()
    this.#roster.set(member, state, incarnation, now)
    if (isLive(member)) return
    member.knows = undefined
    this.#roster.prune(now - this.#timing.forgetAfter, this.#timing.maxLost)
  }

  /** What was said of this server in this incarnation is not true. */
  #accused(incarnation: number): void {
    if (incarnation < this.incarnation || this.#state !== 'running') return
    this.#awareness.change(1)
    this.#refute(incarnation)
  }

  #refute(incarnation: number): void {
    this.#roster.reincarnate(incarnation + 1)
    this.#announce()
  }

  #announce(): void {
    this.#tell(this.#own(), this.#timing.announceFanout)
  }

  /** News of this server itself, which others wait for: told directly too. */
  #tell(rumor: Rumor, fanout: number): void {
    const told = sample(this.#environment, this.#roster.live, fanout)
    for (const { info } of told) this.#tellOne(info, rumor)
    this.#spread(rumor)
  }

  #tellOne(to: Destination, rumor: Rumor): void {
    this.#environment.send(to, { message: { kind: 'gossip' }, digest: this.#roster.digest, rumors: [rumor] })
  }

  #spread(rumor: Rumor): void {
    this.#rumors.add(rumor)
    if (this.#gossiping) return
    this.#gossiping = true
    // At once, but with what else is heard in this turn.
    this.#after(this.#environment.random() * 0.1 * this.#timing.gossipInterval, () => this.#gossip())
  }

  #gossip(): void {
    const chosen = sample(this.#environment, this.#roster.live, this.#timing.gossipFanout)
    this.#gossiping = this.#rumors.size > 0 && chosen.length > 0 && this.#state !== 'stopped'
    if (!this.#gossiping) return
    for (const { info } of chosen) if (this.#rumors.size > 0) this.#send(info, { kind: 'gossip' })
    this.#after(this.#timing.gossipInterval, () => this.#gossip())
  }

  #after(delay: number, run: (late: number) => void): () => void {
    return after(this.#environment, delay, run)
  }
}
