/** The records of a nameserver by name and type. What is found in it never changes; a change puts something else there. */
import { CircuitError } from '../../../proto/errors.ts'
import { formatName, lineOf, type Name, type NameKey } from './name.ts'
import type { ResourceRecord } from './record.ts'
import { nameOfType, TYPE } from './types.ts'

/** Records that a nameserver takes: some 60 MB. */
export const MAX_RECORDS = 100_000
/** Bytes that the records of one name and type may have in an answer, beside its header, question and OPT record. */
const MAX_SET_BYTES = 65_535 - 12 - 255 - 4 - 11
/** Bytes of a record in an answer, its data aside, where its name is a pointer. */
const RECORD_BYTES = 12

/** All records of one name and type (RFC 2181, section 5). */
export interface RecordSet {
  readonly owner: Name
  readonly key: NameKey
  readonly type: number
  /** The least of its records' TTLs, in seconds. */
  readonly ttl: number
  readonly records: readonly ResourceRecord[]
}

/** The sets of a name, by type. */
export type NodeSets = ReadonlyMap<number, RecordSet>

/** What answers are made from. */
export interface ZoneView {
  /** The sets of a name, if there are any records of it. */
  sets(key: NameKey): NodeSets | undefined
  /** Whether the name exists: it has records, or a name below it has. */
  exists(key: NameKey): boolean
}

export class Zone implements ZoneView {
  readonly #names = new Map<NameKey, Map<number, RecordSet>>()
  /** How many names with records are below each name that has such. */
  readonly #below = new Map<NameKey, number>()
  readonly #most: number
  #count = 0

  /** @param most records that it takes */
  constructor(most = MAX_RECORDS) {
    this.#most = most
  }

  sets(key: NameKey): NodeSets | undefined {
    return this.#names.get(key)
  }

  exists(key: NameKey): boolean {
    return this.#names.has(key) || this.#below.has(key)
  }

  /**
   * Adds a record. One of the same data gives way to it, and so does another CNAME or SOA of the name (as in RFC 2136,
   * section 3.4.2.2).
   * @throws CircuitError EEXIST, EMSGSIZE, ENOMEM
   */
  add(record: ResourceRecord): void {
    const sets = this.#names.get(record.key)
    const old = sets?.get(record.type)?.records ?? []
    const single = record.type === TYPE.CNAME || record.type === TYPE.SOA
    const same = (other: ResourceRecord): boolean => other.data.bytes.equals(record.data.bytes)
    const at = single ? old.length - 1 : old.findIndex(same)
    const records = at < 0 ? [...old, record] : old.with(at, record)
    this.#check(record, sets, records, records.length - old.length)
    this.#put(record, makeSet(records))
    this.#count += records.length - old.length
  }

  #check(
    record: ResourceRecord,
    sets: NodeSets | undefined,
    records: readonly ResourceRecord[],
    more: number,
  ): void {
    const alias = record.type === TYPE.CNAME
    const other =
      sets && [...sets.keys()].find((type) => type !== record.type && (alias || type === TYPE.CNAME))
    if (other !== undefined)
      throw new CircuitError(
        'EEXIST',
        `${formatName(record.owner)} has a record of type ${nameOfType(other)}, and a CNAME stands alone; unset it first`,
      )
    const bytes = records.reduce((sum, { data }) => sum + RECORD_BYTES + data.bytes.length, 0)
    if (bytes > MAX_SET_BYTES)
      throw new CircuitError(
        'EMSGSIZE',
        `the ${nameOfType(record.type)} records of ${formatName(record.owner)} would not fit in one answer, which has at most 64 KiB`,
      )
    if (this.#count + more > this.#most)
      throw new CircuitError('ENOMEM', `a nameserver takes ${this.#most} records, and this one has them`)
  }

  #put({ key, type }: ResourceRecord, set: RecordSet): void {
    const sets = this.#names.get(key)
    if (sets) {
      sets.set(type, set)
      return
    }
    this.#names.set(key, new Map([[type, set]]))
    for (const above of lineOf(key).slice(1)) this.#below.set(above, (this.#below.get(above) ?? 0) + 1)
  }

  /** Removes all records of a name; says how many there were. */
  remove(key: NameKey): number {
    const sets = this.#names.get(key)
    if (sets === undefined) return 0
    const count = [...sets.values()].reduce((sum, { records }) => sum + records.length, 0)
    this.#names.delete(key)
    this.#count -= count
    for (const above of lineOf(key).slice(1)) {
      const left = (this.#below.get(above) ?? 1) - 1
      if (left === 0) this.#below.delete(above)
      else this.#below.set(above, left)
    }
    return count
  }

  /** All records, by name, names in the order in which they came. */
  *names(): Generator<readonly ResourceRecord[]> {
    for (const sets of this.#names.values()) yield [...sets.values()].flatMap(({ records }) => records)
  }
}

function makeSet(records: readonly ResourceRecord[]): RecordSet {
  const [first] = records
  if (first === undefined) throw new Error('a set has a record')
  const { owner, key, type } = first
  return { owner, key, type, ttl: Math.min(...records.map(({ ttl }) => ttl)), records }
}

/** Two views as one: where both know a name, its sets of the first hide those of the same type of the second. */
export function layered(first: ZoneView, second: ZoneView): ZoneView {
  return {
    sets(key) {
      const [above, below] = [first.sets(key), second.sets(key)]
      if (above === undefined || below === undefined) return above ?? below
      return above.has(TYPE.CNAME) ? above : new Map([...below, ...above])
    },
    exists: (key) => first.exists(key) || second.exists(key),
  }
}
