/** Everybody whom a server knows: who is there, who is lost, who has left; and a digest of who is there. */
import type { Cancel } from '../handle.ts'
import { type Info, ROOM, type ServerRecord, sizeOf } from './messages.ts'
import type { Suspicion } from './suspicion.ts'

export type State = 'alive' | 'suspect' | 'dead' | 'left'

/** Another server, as this one sees it. */
export interface Member {
  readonly info: Info
  state: State
  incarnation: number
  /** When the state last changed. */
  changed: number
  /** While it is suspect. */
  suspicion: { readonly ends: Suspicion; cancel: Cancel; postponed: number } | undefined
  /** Nobody is at its port: its host said so. */
  gone: boolean
  /** This server's incarnation of which it is certain that the member knows it: their views were equal. */
  knows: number | undefined
}

export const isLive = ({ state }: Member): boolean => state === 'alive' || state === 'suspect'

export class Roster {
  /** This server. */
  readonly self: { readonly info: Info; incarnation: number }
  readonly #members = new Map<string, Member>()
  readonly #live = new Index<Member>()
  readonly #lost = new Index<Member>()
  readonly #byAddress = new Map<string, Member>()
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

  /** Who was last seen at an address. */
  at(address: string): Member | undefined {
    return this.#byAddress.get(address)
  }

  add(info: Info, state: State, incarnation: number, changed: number): Member {
    const member: Member = {
      info,
      state,
      incarnation,
      changed,
      suspicion: undefined,
      gone: false,
      knows: undefined,
    }
    this.#members.set(info.id, member)
    this.#byAddress.set(info.address, member)
    this.#sorted = undefined
    this.#enter(member)
    return member
  }

  /** A member's new state. */
  set(member: Member, state: State, incarnation: number, now: number): void {
    this.#exit(member)
    if (member.state !== state) member.changed = now
    member.state = state
    member.incarnation = incarnation
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
    if (this.#byAddress.get(member.info.address) === member) this.#byAddress.delete(member.info.address)
    this.#sorted = undefined
  }

  /** Forgets those who will hardly come back: closed or left before a time, and the longest lost beyond a number. */
  prune(before: number, maxLost: number): void {
    for (const member of this.#members.values())
      if (!isLive(member) && member.changed < before && (member.gone || member.state === 'left'))
        this.forget(member)
    if (this.lost.length <= maxLost) return
    const byAge = [...this.lost].sort((a, b) => a.changed - b.changed)
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
    const { info, incarnation, state, changed } = member
    switch (state) {
      case 'alive':
      case 'suspect':
        return { kind: 'alive', info, incarnation }
      case 'dead':
        if (member.gone) return { kind: 'dead', id, incarnation, from: this.self.info.id, gone: true }
        return { kind: 'lost', info, incarnation, age: now - changed }
      case 'left':
        return { kind: 'left', id, incarnation }
    }
  }

  #enter(member: Member): void {
    if (isLive(member)) this.#live.add(member)
    else if (member.state === 'dead') this.#lost.add(member)
    this.#toggle(member)
  }

  #exit(member: Member): void {
    this.#live.delete(member)
    this.#lost.delete(member)
    this.#toggle(member)
  }

  #toggle(member: Member): void {
    if (!isLive(member)) return
    this.#digest = (this.#digest ^ fingerprint(member.info.id, member.incarnation)) >>> 0
  }
}

/** A set that can be drawn from: removal puts the last in the place of the removed. */
class Index<T> {
  readonly items: T[] = []
  readonly #places = new Map<T, number>()

  add(item: T): void {
    this.#places.set(item, this.items.length)
    this.items.push(item)
  }

  delete(item: T): void {
    const place = this.#places.get(item)
    if (place === undefined) return
    this.#places.delete(item)
    const last = this.items.pop()
    if (last === undefined || last === item) return
    this.items[place] = last
    this.#places.set(last, place)
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
