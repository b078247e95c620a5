/** Everybody whom a server knows: who is there, who is lost, who has left; and a digest of who is there. */
import type { Cancel } from '../handle.ts'
import { type Info, ROOM, type ServerRecord, sizeOf } from './messages.ts'
import type { Suspicion } from './suspicion.ts'

export type State = 'alive' | 'suspect' | 'dead' | 'left'

/**
 * Another server, as this one sees it. Of N servers each has N − 1 of these, so what few of them need is not there until it is set:
 * that is half of their size.
 */
export interface Member {
  readonly info: Info
  state: State
  incarnation: number
  /** Where it is in the roster's list of those that are live as it is, lost or left. */
  place: number
  /** When it was lost or left, if it was. */
  ended?: number
  /** While it is suspect. */
  suspicion?: { readonly ends: Suspicion; cancel: Cancel; postponed: number } | undefined
  /** Nobody is at its port: its host said so. */
  gone?: boolean
  /** This server's incarnation of which it is certain that the member knows it: their views were equal. */
  knows?: number | undefined
}

export const isLive = ({ state }: Member): boolean => state === 'alive' || state === 'suspect'

const endOf = ({ ended = 0 }: Member): number => ended

export class Roster {
  /** This server. */
  readonly self: { readonly info: Info; incarnation: number }
  readonly #members = new Map<string, Member>()
  readonly #live = new List()
  readonly #lost = new List()
  readonly #left = new List()
  /** While many may arrive: for good it would be a third of a view. */
  #byAddress: Map<string, Member> | undefined
  #digest: number
  #sorted: string[] | undefined

  constructor(info: Info) {
    this.self = { info, incarnation: 0 }
    this.#digest = fingerprint(info.id, 0)
  }

  get(id: string): Member | undefined {
    return this.#members.get(id)
  }

  /** Members that are alive or suspect, in no order. */
  get live(): readonly Member[] {
    return this.#live.items
  }

  /** Members that failed. */
  get lost(): readonly Member[] {
    return this.#lost.items
  }

  /** Live servers, this one with them. */
  get size(): number {
    return this.#live.items.length + 1
  }

  /** All that is remembered. */
  get remembered(): number {
    return this.#members.size
  }

  get digest(): number {
    return this.#digest
  }

  /** Who was last seen at an address: looked up while many are awaited, else searched among all. */
  at(address: string): Member | undefined {
    if (this.#byAddress) return this.#byAddress.get(address)
    let last: Member | undefined
    for (const member of this.#members.values()) if (member.info.address === address) last = member
    return last
  }

  /** Another's whole view is about to be compared with this one: each member that is new then is looked for by its address. */
  awaitMany(): void {
    this.#byAddress = new Map([...this.#members.values()].map((member) => [member.info.address, member]))
  }

  /** From now on members arrive one by one. */
  awaitFew(): void {
    this.#byAddress = undefined
  }

  /** @param since when it was lost or left, if it was */
  add(info: Info, state: State, incarnation: number, since: number): Member {
    const member: Member = { info, state, incarnation, place: 0 }
    if (!isLive(member)) member.ended = since
    this.#members.set(info.id, member)
    this.#byAddress?.set(info.address, member)
    this.#sorted = undefined
    this.#enter(member)
    return member
  }

  /** A member's new state. */
  set(member: Member, state: State, incarnation: number, now: number): void {
    this.#exit(member)
    const before = member.state
    member.state = state
    member.incarnation = incarnation
    if (!isLive(member) && state !== before) member.ended = now
    this.#enter(member)
  }

  /** Raises this server's own incarnation. */
  reincarnate(incarnation: number): void {
    this.#digest ^= fingerprint(this.self.info.id, this.self.incarnation)
    this.self.incarnation = incarnation
    this.#digest ^= fingerprint(this.self.info.id, incarnation)
    this.#digest >>>= 0
  }

  forget(member: Member): void {
    this.#exit(member)
    this.#members.delete(member.info.id)
    if (this.#byAddress?.get(member.info.address) === member) this.#byAddress.delete(member.info.address)
    this.#sorted = undefined
  }

  /** Forgets those who will hardly come back: closed or left before a time, and the longest lost beyond a number. */
  prune(before: number, maxLost: number): void {
    const closed = this.lost.filter(({ gone }) => gone)
    for (const member of [...closed, ...this.#left.items]) if (endOf(member) < before) this.forget(member)
    if (this.lost.length <= maxLost) return
    const byAge = [...this.lost].sort((a, b) => endOf(a) - endOf(b))
    for (const member of byAge.slice(0, byAge.length - maxLost)) this.forget(member)
  }

  /** As many records as fit into a datagram, of the identities after one, in their order; and from where to go on, or ''. */
  page(start: string, now: number): { records: ServerRecord[]; next: string } {
    this.#sorted ??= [...this.#members.keys(), this.self.info.id].sort()
    const records: ServerRecord[] = []
    let room = ROOM
    for (let at = firstAfter(this.#sorted, start); at < this.#sorted.length; at++) {
      const id = this.#sorted[at] ?? ''
      const record = this.#record(id, now)
      room -= sizeOf(record)
      if (room < 0) return { records, next: this.#sorted[at - 1] ?? '' }
      records.push(record)
    }
    return { records, next: '' }
  }

  #record(id: string, now: number): ServerRecord {
    const member = this.#members.get(id)
    if (member === undefined) return { kind: 'alive', ...this.self }
    const { info, incarnation, state } = member
    switch (state) {
      case 'alive':
      case 'suspect':
        return { kind: 'alive', info, incarnation }
      case 'dead':
        if (member.gone) return { kind: 'dead', id, incarnation, from: this.self.info.id, gone: true }
        return { kind: 'lost', info, incarnation, age: now - endOf(member) }
      case 'left':
        return { kind: 'left', id, incarnation }
    }
  }

  #enter(member: Member): void {
    this.#listOf(member).add(member)
    this.#toggle(member)
  }

  #exit(member: Member): void {
    this.#listOf(member).delete(member)
    this.#toggle(member)
  }

  #listOf(member: Member): List {
    if (isLive(member)) return this.#live
    return member.state === 'dead' ? this.#lost : this.#left
  }

  #toggle(member: Member): void {
    if (!isLive(member)) return
    this.#digest = (this.#digest ^ fingerprint(member.info.id, member.incarnation)) >>> 0
  }
}

/** Members that can be drawn from: removal puts the last in the place of the removed. */
class List {
  readonly items: Member[] = []

  add(member: Member): void {
    member.place = this.items.push(member) - 1
  }

  delete(member: Member): void {
    const last = this.items.pop()
    if (last === undefined || last === member) return
    this.items[member.place] = last
    last.place = member.place
  }
}

function firstAfter(sorted: readonly string[], start: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') > start) high = middle
    else low = middle + 1
  }
  return low
}

/** 32 bits of an identity in an incarnation (FNV-1a, with the mixing of MurmurHash3 at its end). */
function fingerprint(id: string, incarnation: number): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  hash ^= Math.imul(incarnation + 1, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
