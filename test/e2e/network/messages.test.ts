/**
 * Messages between five hosts while receivers are killed, cables pulled and connections broken: a checked history.
 *
 * 6,000 messages; CIRCUIT_MESSAGES=100000 for that many. CIRCUIT_SEED=N repeats the choices that were made, though not
 * when each took effect.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Host, network } from '../../network.ts'
import { type Random, random } from '../../random.ts'
import { noMount, until } from '../../server.ts'
import { compile } from '../programs.ts'
import { findFaults, type History, type Received, type Sent } from './history.ts'

const MESSAGES = Number(process.env.CIRCUIT_MESSAGES ?? 6000)
const SEED = Number(process.env.CIRCUIT_SEED ?? process.pid)
/** A channel on each host. */
const CAPACITIES = [0, 1, 4, 16, 64]
const RECEIVERS = 10
/** Long enough to hurt, and so short that nobody takes a host for dead. */
const LONGEST_CUT_MS = 600

/** The programs that send and receive, and what they write down. */
class Traffic {
  readonly #hosts: readonly Host[]
  readonly #program = compile('traffic')
  readonly #directory = mkdtempSync(join(tmpdir(), 'circuit-traffic-'))
  readonly #logs: { readonly channel: number; readonly log: string }[] = []
  readonly #receivers = new Map<ChildProcess, { readonly channel: number; readonly log: string }>()
  readonly #running = new Set<ChildProcess>()
  kills = 0

  constructor(t: Test, hosts: readonly Host[]) {
    this.#hosts = hosts
    t.teardown(async () => {
      for (const child of this.#running) child.kill('SIGKILL')
      await until(() => this.#running.size === 0)
      rmSync(this.#directory, { recursive: true })
    })
  }

  get receiving(): number {
    return this.#receivers.size
  }

  file(from: Host, channel: number, name: string): string {
    const owner = this.#hosts[channel]
    if (owner === undefined) throw new Error(`there is no channel ${channel}`)
    return from.at(owner, 'c', name)
  }

  #spawn(host: Host, name: string, args: readonly string[], prefix: readonly string[]): ChildProcess {
    const [program = '', ...words] = [
      ...host.enter,
      this.#program,
      ...prefix,
      join(this.#directory, name),
      ...args,
    ]
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/' })
    this.#running.add(child)
    child.once('close', () => this.#running.delete(child))
    return child
  }

  /** Sends so many messages from a host; settles when they are sent. */
  async send(host: Host, count: number, seed: number): Promise<void> {
    const files = CAPACITIES.map((_, channel) => this.file(host, channel, 'send'))
    const args = [String(host.index), String(count), String(seed), ...files]
    await once(this.#spawn(host, `s${host.index}`, args, ['send']), 'close')
  }

  receive(host: Host, channel: number, again: boolean): ChildProcess {
    const log = `r${this.#logs.length}`
    this.#logs.push({ channel, log })
    const child = this.#spawn(
      host,
      log,
      [this.file(host, channel, 'recv'), again ? 'again' : 'once'],
      ['recv'],
    )
    this.#receivers.set(child, { channel, log })
    return child
  }

  /** Kills a receiver; gives the channel that it received from. */
  async kill(child: ChildProcess): Promise<number> {
    const { channel, log } = this.#receivers.get(child) ?? { channel: 0, log: '' }
    this.#receivers.delete(child)
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
    writeFileSync(join(this.#directory, log), `failed ${process.hrtime.bigint()} 0\n`, { flag: 'a' })
    this.kills++
    return channel
  }

  killOne(chance: Random): Promise<number> {
    return this.kill(chance.pick([...this.#receivers.keys()]))
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#receivers.keys()].map((child) => this.kill(child)))
  }

  history(): History {
    return {
      sent: this.#hosts.flatMap(({ index }) => this.#read(`s${index}`, parseSent)),
      receivers: this.#logs.map(({ channel, log }) => ({ channel, events: this.#read(log, parseReceived) })),
    }
  }

  #read<T>(name: string, parse: (words: readonly string[]) => T): T[] {
    const lines = readFileSync(join(this.#directory, name), { encoding: 'latin1', flag: 'a+' }).split('\n')
    return lines.filter((line) => line !== '').map((line) => parse(line.split(' ')))
  }
}

const parseMessage = ([channel, sender, n]: readonly string[]) => ({
  channel: Number(channel),
  sender: Number(sender),
  n: Number(n),
})

const parseSent = ([, at = '', ...rest]: readonly string[]): Sent => ({
  at: BigInt(at),
  ...parseMessage(rest),
  errno: Number(rest[3]),
})

function parseReceived([what, at = '', ...rest]: readonly string[]): Received {
  if (what === 'failed') return { what, at: BigInt(at), errno: Number(rest[0]) }
  if (what !== 'seen' && what !== 'taken' && what !== 'wrong') throw new Error(`not understood: ${what}`)
  return { what, at: BigInt(at), ...parseMessage(rest) }
}

/** Kills receivers, and others take their places; pulls cables; breaks connections; until it is told to stop. */
async function disturb(
  traffic: Traffic,
  hosts: readonly Host[],
  chance: Random,
  signal: AbortSignal,
): Promise<void> {
  let cuts = 0
  const breakLinks = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(300 + chance.int(700))
      const host = chance.pick(hosts)
      if (chance.chance(0.5)) await host.breakConnections()
      else {
        await host.cut()
        await sleep(50 + chance.int(LONGEST_CUT_MS - 50))
        await host.heal()
      }
      cuts++
    }
  }
  const killReceivers = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(20 + chance.int(150))
      const channel = await traffic.killOne(chance)
      traffic.receive(chance.pick(hosts), channel, chance.chance(0.7))
    }
  }
  await Promise.all([breakLinks(), killReceivers()])
  t.comment(`${traffic.kills} receivers were killed, links were cut or broken ${cuts} times`)
}

/** What is left in the channels is received at their own hosts, when all others have gone. */
async function drain(traffic: Traffic, hosts: readonly Host[]): Promise<void> {
  const receive = async (host: Host): Promise<void> => {
    await once(traffic.receive(host, host.index, true), 'close')
  }
  await Promise.all(hosts.map((host) => host.run('echo close > $S/c/ctl')))
  // What was in the hands of others returns as soon as their servers have told.
  const end = Date.now() + 10_000
  do await Promise.all(hosts.map(receive))
  while (findFaults(traffic.history()).length > 0 && Date.now() < end)
}

t.setTimeout(120_000 + MESSAGES * 20)

t.test(
  'each message is received once, in order and whole, whatever happens',
  { skip: noMount },
  async (t) => {
    t.comment(`CIRCUIT_SEED=${SEED}`)
    const chance = random(SEED)
    const { hosts } = await network(t, CAPACITIES.length)
    const traffic = new Traffic(t, hosts)
    for (const [i, host] of hosts.entries())
      await host.run('mkdir $S/c && echo mkchan $N > $S/c/ctl', { env: { N: String(CAPACITIES[i]) } })
    for (let n = 0; n < RECEIVERS; n++)
      traffic.receive(chance.pick(hosts), n % CAPACITIES.length, chance.chance(0.7))
    const began = performance.now()
    const over = new AbortController()
    const disturbed = disturb(traffic, hosts, chance, over.signal)
    await Promise.all(
      hosts.map((host) => traffic.send(host, MESSAGES / hosts.length, 1 + chance.int(1 << 30))),
    )
    over.abort()
    await disturbed
    const seconds = (performance.now() - began) / 1000
    await traffic.killAll()
    await drain(traffic, hosts)
    const { sent, receivers } = traffic.history()
    const failed = sent.filter(({ errno }) => errno !== 0).length
    const taken = receivers.flatMap(({ events }) => events).filter(({ what }) => what === 'taken').length
    t.comment(`${sent.length} sent in ${seconds.toFixed(1)} s, of these ${failed} failed; ${taken} received`)
    t.equal(sent.length, MESSAGES)
    t.ok(failed < MESSAGES / 10, 'most were sent')
    const faults = findFaults({ sent, receivers })
    t.strictSame(faults.slice(0, 20), [], `${faults.length} faults, seed ${SEED}`)
  },
)
