/** Two hosts with a key, for the time of a function, and the programs that run on them. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Host, network } from '../test/network.ts'
import { buildFloors } from './floors.ts'
import type { LoadResult } from './loads.ts'
import { end, ifStopped, ready, start } from './programs.ts'

const PROGRAM = fileURLToPath(new URL('./far.js', import.meta.url))
const TLS_PORT = 11099
/** Seconds after which a program that ends by itself is given up. */
const LIMIT = 60

export interface TwoHosts {
  /** Where programs are, and their mount. */
  readonly near: Host
  /** Where elements are. */
  readonly far: Host
  /** Reads files so often, so many at a time, by the client library, on the near host, from the far server. */
  peeks(count: number, flight: number, path: string): Promise<LoadResult>
  /**
   * Blocks so many reads of a far file by the client library, and says how many bytes of the client's heap, and of
   * the server's resident memory, each takes together.
   */
  blockedBytes(count: number, path: string): Promise<number>
  /** Opens so many connections to the far server, and says how many bytes each takes at both sides together. */
  connectionBytes(count: number): Promise<number>
  /** Runs a verb of far.ts on the near host, against a bare TLS socket on the far one. */
  tls(verb: 'tls-stream' | 'tls-echo' | 'tls-calls', ...args: string[]): Promise<LoadResult>
  /** Makes an anchor on a host, by its own mount, and gives its path there. */
  anchor(host: Host, command?: string): Promise<string>
  /** Makes an anchor on the far host in which one of our loads runs, and gives its path on the near one. */
  runLoad(...args: string[]): Promise<string>
}

export async function withTwoHosts<T>(fn: (hosts: TwoHosts) => Promise<T>): Promise<T> {
  const downs: (() => void | Promise<void>)[] = []
  const takeDown = async (): Promise<void> => {
    for (const down of downs.splice(0).reverse()) await down()
  }
  const withdraw = ifStopped(() => void takeDown())
  try {
    const { hosts, keyFile = '' } = await network({ teardown: (down) => void downs.push(down) }, 2)
    const [near, far] = hosts
    if (near === undefined || far === undefined) throw new Error('there are no two hosts')
    const address = `${far.address}:${TLS_PORT}`
    const serving = start([...far.enter, process.execPath, PROGRAM, 'tls-serve', address, keyFile])
    downs.push(() => end(serving))
    await ready('the TLS server', serving, () => serving.output.stdout.includes('ready'))
    return await fn(programs(near, far, address, keyFile))
  } finally {
    await takeDown()
    withdraw()
  }
}

function programs(near: Host, far: Host, address: string, keyFile: string): TwoHosts {
  const run = async (...words: string[]): Promise<LoadResult> => {
    const { child, output, ended } = start([...near.enter, process.execPath, PROGRAM, ...words])
    const late = setTimeout(() => child.kill('SIGKILL'), LIMIT * 1000)
    await ended
    clearTimeout(late)
    if (child.exitCode !== 0) throw new Error(`${words.join(' ')} failed: ${output.stderr}`)
    return JSON.parse(output.stdout)
  }
  const anchor = async (host: Host, command?: string): Promise<string> => host.server.anchor(command)
  /** Bytes of the near program's memory and the far server's together that each of so many things takes. */
  const held = async (verb: 'blocked' | 'connected', count: number, ...rest: string[]): Promise<number> => {
    const words = [verb, far.url, keyFile, String(count), ...rest]
    const before = residentBytes(far)
    const running = start([...near.enter, process.execPath, '--expose-gc', PROGRAM, ...words])
    try {
      await ready('the client', running, () => running.output.stdout.includes('}'))
      const { bytes } = JSON.parse(running.output.stdout)
      return (bytes + residentBytes(far) - before) / count
    } finally {
      await end(running)
    }
  }
  return {
    near,
    far,
    anchor,
    peeks: (count, flight, path) => run('peeks', far.url, keyFile, String(count), String(flight), path),
    blockedBytes: (count, path) => held('blocked', count, path),
    connectionBytes: (count) => held('connected', count),
    tls: (verb, ...args) => run(verb, address, keyFile, ...args),
    async runLoad(...args) {
      const { load } = await buildFloors()
      const path = await anchor(far, `mkproc ${JSON.stringify({ Path: load, Args: args })}`)
      return near.at(far, path.slice(far.self.length + 1))
    },
  }
}

/** proc_pid_statm(5), in pages of 4096 bytes. */
const residentBytes = ({ server }: Host): number =>
  Number(readFileSync(`/proc/${server.child.pid}/statm`, 'latin1').split(' ')[1]) * 4096
