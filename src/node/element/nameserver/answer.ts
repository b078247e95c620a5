/**
 * Answers queries from records, as an authoritative server does: a pure function of the query, the records and the order
 * that is asked for. RFC 1034 section 4.3.2, with RFC 2308 (what is not there), 4592 (wildcards), 6604 (aliases).
 *
 * A zone begins at a name with an SOA record. Where there is none, each name with records is a zone: nothing is said about
 * its neighbours.
 */
import { keyOf, lineOf, type Name, type NameKey, wildcardBelow } from './name.ts'
import { parseQuery, type Query, RCODE, type Rcode } from './query.ts'
import { bareResponse, MAX_MESSAGE, MAX_UDP, MIN_UDP, ResponseWriter } from './response.ts'
import { TYPE } from './types.ts'
import type { NodeSets, RecordSet, ZoneView } from './zone.ts'

/** Aliases that are followed; a loop of them, or more, is an error, as in BIND. */
const MAX_ALIASES = 16
const CLASSES: readonly number[] = [1, 255]
const TRANSFERS: readonly number[] = [TYPE.AXFR, TYPE.IXFR]

export interface AnswerOptions {
  /** What it came over, which limits the answer. */
  readonly over: 'udp' | 'tcp'
  /** Which record of a set comes first. */
  readonly first?: (set: RecordSet) => number
}

/** The answer to a message; undefined where none is due. */
export function answer(zone: ZoneView, message: Buffer, options: AnswerOptions): Buffer | undefined {
  const query = parseQuery(message)
  if (query === undefined) return undefined
  if (typeof query === 'number') return bareResponse(message, query)
  const writer = new ResponseWriter(message, query, limitOf(query, options))
  const refusal = refuse(query)
  if (refusal) return writer.finish(refusal, false)
  const { rcode, authoritative } = resolve(zone, query, writer, options)
  return writer.finish(rcode, authoritative)
}

function limitOf({ edns }: Query, { over }: AnswerOptions): number {
  if (over === 'tcp') return MAX_MESSAGE
  return edns ? Math.min(Math.max(edns.size, MIN_UDP), MAX_UDP) : MIN_UDP
}

function refuse({ question, edns }: Query): Rcode | undefined {
  if (edns && edns.version > 0) return RCODE.BADVERS
  if (question.type === TYPE.OPT) return RCODE.FORMERR
  if (!CLASSES.includes(question.class) || TRANSFERS.includes(question.type)) return RCODE.REFUSED
  return undefined
}

/** Writes the records that answer a query. */
function resolve(
  zone: ZoneView,
  { question }: Query,
  writer: ResponseWriter,
  { first = () => 0 }: AnswerOptions,
): { rcode: Rcode; authoritative: boolean } {
  const seen = new Set<NameKey>()
  let key = question.key
  let owner: Name | undefined
  for (let aliases = 0; ; aliases++) {
    const found = find(zone, key)
    const wanted = found.kind === 'sets' ? select(found.sets, question.type) : []
    for (const set of wanted) writer.add('answer', set, { ...(owner && { owner }), first: first(set) })
    if (question.type === TYPE.NS && wanted[0]?.type === TYPE.NS) addGlue(zone, wanted[0], writer)
    const alias = isAlias(wanted, question.type) && wanted[0]?.records[0]?.data.bytes
    if (!alias) return conclude(zone, found, wanted.length > 0, aliases > 0, writer)
    seen.add(key)
    owner = alias
    key = keyOf(alias)
    if (seen.has(key) || aliases === MAX_ALIASES) return { rcode: RCODE.SERVFAIL, authoritative: true }
  }
}

/** The sets of a name that answer a question; an alias answers every one. */
function select(sets: NodeSets, type: number): readonly RecordSet[] {
  if (type === TYPE.ANY) return [...sets.values()]
  const set = sets.get(type) ?? sets.get(TYPE.CNAME)
  return set ? [set] : []
}

const isAlias = (wanted: readonly RecordSet[], type: number): boolean =>
  wanted[0]?.type === TYPE.CNAME && type !== TYPE.CNAME && type !== TYPE.ANY

/** What a name turns out to be. */
type Found =
  | { readonly kind: 'sets'; readonly sets: NodeSets; readonly soa?: RecordSet | undefined }
  /** The name exists, without records, or it does not exist, in a zone that is served. */
  | { readonly kind: 'empty' | 'missing'; readonly soa?: RecordSet | undefined }
  /** Another server has it: these are the names of such. */
  | { readonly kind: 'delegated'; readonly servers: RecordSet }
  | { readonly kind: 'outside' }

function find(zone: ZoneView, key: NameKey): Found {
  const line = lineOf(key)
  const apex = line.findIndex((name) => zone.sets(name)?.has(TYPE.SOA))
  const soa = apex < 0 ? undefined : zone.sets(line[apex] ?? '')?.get(TYPE.SOA)
  const servers = soa && delegation(zone, line.slice(0, apex))
  if (servers) return { kind: 'delegated', servers }
  const sets = zone.sets(key) ?? wildcard(zone, line)
  if (sets) return { kind: 'sets', sets, soa }
  if (soa === undefined && !line.some((name) => zone.sets(name))) return { kind: 'outside' }
  return { kind: zone.exists(key) ? 'empty' : 'missing', soa }
}

/** The uppermost of the names below a zone's own that has NS records. */
function delegation(zone: ZoneView, below: readonly NameKey[]): RecordSet | undefined {
  for (const name of [...below].reverse()) {
    const servers = zone.sets(name)?.get(TYPE.NS)
    if (servers) return servers
  }
  return undefined
}

/** The wildcard below the closest name that exists, for one that does not. */
function wildcard(zone: ZoneView, line: readonly NameKey[]): NodeSets | undefined {
  const encloser = line.findIndex((name) => zone.exists(name))
  return encloser > 0 ? zone.sets(wildcardBelow(line[encloser] ?? '')) : undefined
}

/** Adds what belongs to the end of a chain of aliases, mostly one of no length. */
function conclude(
  zone: ZoneView,
  found: Found,
  answered: boolean,
  aliased: boolean,
  writer: ResponseWriter,
): { rcode: Rcode; authoritative: boolean } {
  switch (found.kind) {
    case 'outside':
      return aliased
        ? { rcode: RCODE.NOERROR, authoritative: true }
        : { rcode: RCODE.REFUSED, authoritative: false }
    case 'delegated':
      writer.add('authority', found.servers, { owner: found.servers.owner })
      addGlue(zone, found.servers, writer)
      return { rcode: RCODE.NOERROR, authoritative: aliased }
    case 'sets':
    case 'empty':
    case 'missing':
      if (!answered && found.soa) addSoa(found.soa, writer)
      return { rcode: found.kind === 'missing' ? RCODE.NXDOMAIN : RCODE.NOERROR, authoritative: true }
  }
}

/** The SOA that says for how long it is true that there is nothing (RFC 2308, section 3). */
function addSoa(soa: RecordSet, writer: ResponseWriter): void {
  const bytes = soa.records[0]?.data.bytes
  const minimum = bytes?.readUInt32BE(bytes.length - 4) ?? 0
  writer.add('authority', { ...soa, ttl: Math.min(soa.ttl, minimum) }, { owner: soa.owner })
}

/** The addresses of nameservers, where they are known here. */
function addGlue(zone: ZoneView, { records }: RecordSet, writer: ResponseWriter): void {
  for (const { data } of records) {
    const sets = zone.sets(keyOf(data.bytes))
    for (const set of [sets?.get(TYPE.A), sets?.get(TYPE.AAAA)])
      if (set) writer.add('additional', set, { owner: set.owner })
  }
}
