/**
 * How fast membership is: constants of SWIM (Das, Gupta, Motivala 2002) and Lifeguard (Dadgar, Phillips, Currey 2018), and what
 * follows from them. All times in ms.
 */
export interface Timing {
  /**
   * Between two probes of a server, of one member after the other. A server sends one ping and answers one, in the mean, so this is
   * what an idle circuit costs, whatever its size: 2 packets each time. A failed member is probed for the first time after
   * 1/(1 − 1/e) = 1.6 of it in the mean. Shorter: found sooner, and more packets.
   */
  readonly probeInterval: number
  /**
   * Given to a ping, before others are asked to ping in this server's place; after twice that the probe has failed. Must be more than
   * a round trip with its jitter and a pause of the event loop; at most half of probeInterval, so that probes don't overlap.
   */
  readonly ackTimeout: number
  /**
   * Members asked to ping in this server's place: a bad link between two servers is no failure of one. Each costs 4 packets. Half of
   * ackTimeout later so many are asked again, any: a probe that fails is news for all, so few may on a bad network.
   */
  readonly indirectProbes: number
  /** Between two rounds of gossip, while there is something to tell. News reach N servers in about log₄ N rounds. */
  readonly gossipInterval: number
  /** Members told in a round. */
  readonly gossipFanout: number
  /**
   * A piece of news is sent gossipFactor × ⌈log₁₀(N + 1)⌉ times by each server. With 4 the chance that a server is missed is
   * about 1 in 10,000 even when one in five packets is lost; the rest is found by comparing digests.
   */
  readonly gossipFactor: number
  /** A server that starts, leaves or refutes tells so many members itself, at once: in a small circuit, everyone. */
  readonly announceFanout: number
  /**
   * For so long a live server may be silent, stopped or starved, without being dropped; suspicion lasts at least this, and
   * 3 gossip rounds × ⌈log₄ N⌉ for the refutation to spread. Shorter: failures are told sooner, and pauses are taken for them.
   */
  readonly pauseTolerance: number
  /**
   * A suspicion that nobody shares lasts so many times longer (Lifeguard's β): it is more likely to be about the suspecting server.
   */
  readonly suspicionStretch: number
  /** Servers that must share a suspicion for it to be as short as can be (Lifeguard's K); fewer where there are not so many. */
  readonly confirmations: number
  /** Servers that look at a suspect themselves when they hear of it, in the mean: they confirm, or they don't. */
  readonly witnesses: number
  /** How long a suspect has whose host says that nobody is at its port, once others could not reach it either. */
  readonly refusedTimeout: number
  /** Highest score of local health (Lifeguard's S): a server that fails to hear others waits up to so many + 1 times as long. */
  readonly maxAwareness: number
  /** A timer so late says that this server itself stood still: it accuses nobody before it has read what came meanwhile. */
  readonly stallTolerance: number
  /** Lost members are looked for, one at a time, each eighth of the time that passed since the last loss; at most so often, */
  readonly searchInterval: number
  /** and at least so often: how long a partition may go on after it has healed, at worst, divided by the number of servers. */
  readonly maxSearchInterval: number
  /** Lost members that are remembered, the last ones. About 300 bytes each. */
  readonly maxLost: number
  /** Members whose port was closed don't come back: they, and those that left, are remembered only while old news may be about. */
  readonly forgetAfter: number
  /** Views of two servers that differ for so long, with no news on their way, are compared. */
  readonly settleTime: number
  /** One after the other, so many ms × N apart but at least settleTime: what comparing costs is bounded, whatever N. */
  readonly compareFactor: number
}

/** Servers in one building: round trips well below 100 ms. */
export const LAN: Timing = {
  probeInterval: 700,
  ackTimeout: 350,
  indirectProbes: 3,
  gossipInterval: 100,
  gossipFanout: 3,
  gossipFactor: 4,
  announceFanout: 16,
  pauseTolerance: 2000,
  suspicionStretch: 2.5,
  confirmations: 3,
  witnesses: 5,
  refusedTimeout: 700,
  maxAwareness: 8,
  stallTolerance: 250,
  searchInterval: 1000,
  maxSearchInterval: 30_000,
  maxLost: 4096,
  forgetAfter: 3_600_000,
  settleTime: 3000,
  compareFactor: 20,
}

/** Servers on several continents: round trips up to a second, more loss. Failures are told in half a minute. */
export const WAN: Timing = {
  ...LAN,
  probeInterval: 4000,
  ackTimeout: 1800,
  gossipInterval: 400,
  gossipFanout: 4,
  pauseTolerance: 10_000,
  refusedTimeout: 4000,
  stallTolerance: 1000,
  searchInterval: 4000,
  maxSearchInterval: 120_000,
  settleTime: 12_000,
  compareFactor: 60,
}

/** How many times a server sends a piece of news, among `servers`. */
export const transmissions = ({ gossipFactor }: Timing, servers: number): number =>
  gossipFactor * Math.ceil(Math.log10(servers + 1))

/** How long a suspicion lasts among `servers`: shared by as many as needed, and shared by nobody. */
export function suspicionBounds(timing: Timing, servers: number): { least: number; most: number } {
  const rounds = Math.max(1, Math.ceil(Math.log(servers) / Math.log(4)))
  const least = timing.pauseTolerance + 3 * timing.gossipInterval * rounds
  return { least, most: least * timing.suspicionStretch }
}

/** Time between two comparisons of whole views. */
export const compareInterval = ({ settleTime, compareFactor }: Timing, servers: number): number =>
  Math.max(settleTime, compareFactor * servers)

/** Until the next look for a lost member, when the last one was lost `age` ago. */
export const searchDelay = ({ searchInterval, maxSearchInterval }: Timing, age: number): number =>
  Math.min(maxSearchInterval, Math.max(searchInterval, age / 8))
