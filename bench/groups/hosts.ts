/** What it costs that an element is on another host: against a bare TLS socket between the two, and against one at hand. */

import { runShell } from '../../test/server.ts'
import { type TwoHosts, withTwoHosts } from '../hosts.ts'
import { byteRate, type LoadOptions, opsRate, runLoad, runPair } from '../loads.ts'
import type { Measure } from '../place.ts'
import { type Comparison, compare, type Fact, fact, type Group } from '../report.ts'

const BYTES = 512 << 20
const TOTAL = '512M'
const CALLS = 20_000
const CALLS_AT_ONCE = 64
const LOOPS = 30
const MESSAGES = '3000'
const BLOCKED = 10_000
const CONNECTIONS = 1000

export const hosts: Group = {
  name: 'hosts',
  title: 'Two hosts with a key',
  run: () =>
    withTwoHosts(async (hosts) => ({
      comparisons: [...(await streams(hosts)), ...(await calls(hosts)), ...(await shells(hosts))],
      facts: await memory(hosts),
    })),
}

/** One stream, against one on a bare TLS socket. */
async function streams(hosts: TwoHosts): Promise<Comparison[]> {
  const { near, far } = hosts
  const within: LoadOptions = { within: near.enter }
  const socket = async (): Promise<number> => byteRate(await hosts.tls('tls-stream', String(BYTES)))
  const fromStdout = (block: string): Measure => {
    return async () => {
      const anchor = await hosts.runLoad('pump', '-', block, TOTAL)
      return byteRate(await runLoad(['drain', `${anchor}/stdout`, block], within))
    }
  }
  const toStdin = (block: string): Measure => {
    return async () => {
      const anchor = await hosts.runLoad('drain', '-', block)
      return byteRate(await runLoad(['seqwrite', `${anchor}/stdin`, block, TOTAL], within))
    }
  }
  const channel = await hosts.anchor(far, 'mkchan')
  const farRecv = `${near.at(far, channel.slice(far.self.length + 1))}/recv`
  const message = async (): Promise<number> =>
    byteRate(
      await runPair(
        ['drain', farRecv, '128K'],
        ['seqwrite', `${channel}/send`, '128K', TOTAL],
        // Both hosts' mounts are seen everywhere on this machine.
        within,
      ),
    )
  const farSend = farRecv.replace(/recv$/, 'send')
  const messageThere = async (): Promise<number> =>
    byteRate(await runPair(['drain', `${channel}/recv`, '1M'], ['seqwrite', farSend, '1M', TOTAL], within))
  const options = { unit: 'MB/s', target: 0.4, rounds: 5 }
  return [
    await compare('far `stdout`, 128 KiB at a time', socket, fromStdout('128K'), options),
    await compare('far `stdin`, 1 MiB at a time', socket, toStdin('1M'), options),
    await compare('far `stdin`, 128 KiB at a time', socket, toStdin('128K'), options),
    await compare('one message of 512 MiB from there to here', socket, message, options),
    await compare(
      'one message of 512 MiB from here to there, 1 MiB at a time',
      socket,
      messageThere,
      options,
    ),
  ]
}

/** Small calls by the client library, against as many echoes on a bare TLS socket. */
async function calls(hosts: TwoHosts): Promise<Comparison[]> {
  const { far } = hosts
  const channel = await hosts.anchor(far, 'mkchan')
  const path = `/${far.id}${channel.slice(far.self.length)}/peek`
  const compareCalls = (count: number, flight: number): Promise<Comparison> =>
    compare(
      `\`peek\` by the client library, ${flight} in flight, against an echo of 100 bytes`,
      async () => opsRate(await hosts.tls('tls-echo', String(count), String(flight))),
      async () => opsRate(await hosts.peeks(count, flight, path)),
      { unit: 'calls/s', target: 0.5 },
    )
  const count = 4 * CALLS
  return [
    await compareCalls(CALLS, 1),
    await compareCalls(count, CALLS_AT_ONCE),
    await compare(
      `the same, ${CALLS_AT_ONCE} in flight, against calls of a frame and a promise each`,
      async () => opsRate(await hosts.tls('tls-calls', String(count), String(CALLS_AT_ONCE))),
      async () => opsRate(await hosts.peeks(count, CALLS_AT_ONCE, path)),
      { unit: 'calls/s' },
    ),
  ]
}

/** What a shell does there, against the same here. */
async function shells(hosts: TwoHosts): Promise<Comparison[]> {
  const { near, far } = hosts
  const loop = (body: string, server: string): Measure => {
    const script = `n=0; while [ $n -lt ${LOOPS} ]; do n=$((n + 1)); ${body} || exit 1; done`
    return async () => {
      const start = performance.now()
      const { status, stderr } = await runShell(script, { within: near.enter, env: { S: server } })
      if (status !== 0) throw new Error(`${body} failed: ${stderr}`)
      return LOOPS / ((performance.now() - start) / 1000)
    }
  }
  const compareLoops = (name: string, body: string): Promise<Comparison> =>
    compare(name, loop(body, near.self), loop(body, near.at(far)), { unit: 'a second', target: 0.5 })
  const channels = [await hosts.anchor(near, 'mkchan'), await hosts.anchor(far, 'mkchan')] as const
  const messages = (channel: string): Measure => {
    return async () => {
      const ends = [
        ['recv-kept', `${channel}/recv`, MESSAGES],
        ['send-kept', `${channel}/send`, MESSAGES],
      ] as const
      return opsRate(await runPair([...ends[0]], [...ends[1]], { within: near.enter }))
    }
  }
  return [
    await compareLoops('`cat peek`, far against near', 'cat "$S/peek" > /dev/null'),
    await compareLoops(
      '`mkdir`, run `/bin/true`, read `wait`, `rmdir` in a shell, far against near',
      'mkdir "$S/b" && echo run /bin/true > "$S/b/ctl" && read -r status < "$S/b/wait" && rmdir "$S/b"',
    ),
    await compare(
      'messages of 100 bytes, both ends here, the channel far against near',
      messages(channels[0]),
      messages(near.at(far, channels[1].slice(far.self.length + 1))),
      { unit: 'messages/s' },
    ),
  ]
}

async function memory(hosts: TwoHosts): Promise<Fact[]> {
  const { far } = hosts
  const channel = await hosts.anchor(far, 'mkchan')
  const path = `/${far.id}${channel.slice(far.self.length)}/recv`
  const blocked = await hosts.blockedBytes(BLOCKED, path)
  const connection = await hosts.connectionBytes(CONNECTIONS)
  return [
    fact('a far read that blocks, at both sides together', blocked / 1024, 'KiB', { most: 4 }),
    fact('a connection that nobody uses, at both sides together', connection / 1024, 'KiB'),
  ]
}
