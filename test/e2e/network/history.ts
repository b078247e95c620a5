/**
 * Checks what senders and receivers of channels wrote down (fixtures/traffic.c) against what channels promise: every message
 * that was sent is received once, or its receiver ended before it was its own, and then another one has it; whole; and
 * those of one sender in order. Pure: a history goes in, what is wrong with it comes out.
 */

/** One message, from one sender, on one channel. Of the same sender a greater n was sent later. */
export interface Message {
  readonly channel: number
  readonly sender: number
  readonly n: number
}

/** `at`: ns, by one clock. */
export type Sent = Message & { readonly at: bigint; readonly errno: number }

export type Received =
  | (Message & { readonly what: 'seen' | 'taken' | 'wrong'; readonly at: bigint })
  /** A call of the receiver's failed, or it was killed (errno 0): what it had seen and not taken is undecided. */
  | { readonly what: 'failed'; readonly at: bigint; readonly errno: number }

export interface History {
  readonly sent: readonly Sent[]
  readonly receivers: readonly Receiver[]
}

export interface Receiver {
  readonly channel: number
  /** What it wrote down, in order. */
  readonly events: readonly Received[]
}

const ECONNRESET = 104
/** An event that was written down so late by a program that had to wait for a CPU proves nothing. */
const DOUBT_NS = 500_000_000n

const nameOf = ({ channel, sender, n }: Message): string =>
  `message ${n} of sender ${sender} in channel ${channel}`

/** What became of one message. */
interface Fate {
  readonly sent: Sent
  taken: bigint[]
  seen: bigint[]
  /** A receiver saw it, and then failed or was killed. */
  undecided: number
}

/** Sentences, each about one thing that must not be; none when the history is as promised. */
export function findFaults({ sent, receivers }: History): string[] {
  const faults: string[] = []
  const fates = new Map<string, Fate>()
  for (const message of sent) {
    const name = nameOf(message)
    if (fates.has(name)) faults.push(`${name} was sent twice: the history is not one`)
    fates.set(name, { sent: message, taken: [], seen: [], undecided: 0 })
  }
  const returns = new Map<number, bigint[]>()
  for (const receiver of receivers) follow(receiver, fates, returns, faults)
  for (const [name, fate] of fates) judge(name, fate, faults)
  for (const receiver of receivers) checkOrder(receiver, fates, returns, faults)
  return faults
}

/**
 * One receiver's way through its messages. When it fails with none in hand, one may have been on its way to it: `returns`
 * has the times of these, by channel.
 */
function follow(
  { channel, events }: Receiver,
  fates: Map<string, Fate>,
  returns: Map<number, bigint[]>,
  faults: string[],
): void {
  let inHand: Fate | undefined
  for (const event of events) {
    if (event.what === 'failed') {
      if (inHand) inHand.undecided++
      else returns.set(channel, [...(returns.get(channel) ?? []), event.at])
      if (inHand?.sent.errno === 0 && event.errno === ECONNRESET)
        faults.push(`${nameOf(inHand.sent)} was sent, and then cut short`)
      inHand = undefined
      continue
    }
    const name = nameOf(event)
    const fate = fates.get(name)
    if (fate === undefined || event.what === 'wrong') {
      faults.push(fate ? `${name} was received, but not whole` : `${name} was received, but never sent`)
      inHand = undefined
    } else if (event.what === 'seen') {
      if (inHand) faults.push(`${nameOf(inHand.sent)} had no end before ${name} began`)
      fate.seen.push(event.at)
      inHand = fate
    } else {
      if (inHand !== fate) faults.push(`${name} ended, but had not begun`)
      fate.taken.push(event.at)
      inHand = undefined
    }
  }
}

function judge(name: string, { sent, taken, seen, undecided }: Fate, faults: string[]): void {
  if (taken.length > 1) faults.push(`${name} was received ${taken.length} times`)
  const [end] = taken
  if (end !== undefined && seen.some((at) => at > end + DOUBT_NS))
    faults.push(`${name} was given to another receiver after it was received`)
  if (sent.errno === 0 && taken.length === 0 && undecided === 0)
    faults.push(`${name} was sent, and never received`)
}

/**
 * What one receiver takes of one sender comes in order, but for what had been with another one that ended, or was on its way to
 * one: each that ended explains one such message.
 */
function checkOrder(
  { channel, events }: Receiver,
  fates: Map<string, Fate>,
  returns: Map<number, bigint[]>,
  faults: string[],
): void {
  const last = new Map<number, number>()
  for (const event of events) {
    if (event.what !== 'taken') continue
    const fate = fates.get(nameOf(event))
    if (fate === undefined || fate.undecided > 0 || fate.sent.errno !== 0) continue
    const before = last.get(event.sender) ?? -1
    if (event.n < before && !explain(fate.sent.at, event.at, returns.get(channel) ?? []))
      faults.push(`${nameOf(event)} came after message ${before}`)
    last.set(event.sender, Math.max(before, event.n))
  }
}

/** Whether a receiver ended between these times; it explains one message. */
function explain(from: bigint, to: bigint, ends: bigint[]): boolean {
  const found = ends.findIndex((at) => at > from - DOUBT_NS && at < to + DOUBT_NS)
  if (found >= 0) ends.splice(found, 1)
  return found >= 0
}
