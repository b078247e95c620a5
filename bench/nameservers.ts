/** BIND to compare our nameservers with, a zone for both, and dnsperf, which asks. */
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { end, onCpu, ready, start, withTemporaryDir } from './programs.ts'

export const NAMES = 10_000
const nameOf = (n: number): string => `host${n}.bench.test.`

/** Records, one a line, as both read them. */
export const zoneText = (): string =>
  [
    'bench.test. 300 IN SOA ns.bench.test. me.bench.test. 1 3600 600 86400 60',
    'bench.test. 300 IN NS ns.bench.test.',
    'ns.bench.test. 300 IN A 10.0.0.53',
    ...Array.from({ length: NAMES }, (_, n) => `${nameOf(n)} 300 IN A 10.1.${n >> 8}.${n & 255}`),
  ].join('\n')

/** A file of questions for dnsperf, for the time of a function: names in no order that a cache would like. */
export function withQuestions<T>(fn: (file: string) => Promise<T>): Promise<T> {
  return withTemporaryDir(async (dir) => {
    const file = join(dir, 'questions')
    writeFileSync(file, Array.from({ length: NAMES }, (_, n) => `${nameOf((n * 7919) % NAMES)} A\n`).join(''))
    return fn(file)
  })
}

/** named with one worker, as it is installed but for what it would do beside answering. */
const configuration = (dir: string, port: number): string => `
options {
  directory "${dir}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  minimal-responses yes;
  notify no;
};
controls { };
zone "bench.test" { type primary; file "${dir}/zone"; };
`

/** Runs BIND with the zone for the time of a function, which gets HOST:PORT. */
export function withNamed<T>(
  { cpu }: { readonly cpu?: number },
  fn: (address: string) => Promise<T>,
): Promise<T> {
  return withTemporaryDir(async (dir) => {
    // Not one of those that clients get: named shares its own.
    const port = 20_000 + randomInt(10_000)
    writeFileSync(join(dir, 'zone'), `$ORIGIN .\n${zoneText()}\n`)
    writeFileSync(join(dir, 'named.conf'), configuration(dir, port))
    const running = start(onCpu(['named', '-g', '-n', '1', '-c', join(dir, 'named.conf')], cpu))
    try {
      await ready('named', running, () => running.output.stderr.includes(' running\n'))
      return await fn(`127.0.0.1:${port}`)
    } finally {
      await end(running)
    }
  })
}

export interface DnsperfOptions {
  readonly cpu?: number
  readonly seconds: number
  /** Questions a second; as many as it can if left out. */
  readonly rate?: number
}

/** What dnsperf finds out: answers a second, and how long each took, in ms, if a rate was given. */
export interface DnsperfResult {
  readonly rate: number
  readonly latencies: readonly number[]
}

/** Asks a nameserver; every question must get an answer, and the right kind of it. */
export async function dnsperf(
  address: string,
  file: string,
  { cpu, seconds, rate }: DnsperfOptions,
): Promise<DnsperfResult> {
  const [host = '', port = ''] = address.split(':')
  const load = rate === undefined ? ['-q', '64'] : ['-Q', String(rate), '-v']
  const argv = ['dnsperf', '-s', host, '-p', port, '-d', file, '-l', String(seconds), '-e', ...load]
  const running = start(onCpu(argv, cpu))
  const late = sleep(seconds * 1000 + 15_000, 'late' as const, { ref: false })
  if ((await Promise.race([running.ended, late])) === 'late') {
    running.child.kill('SIGKILL')
    throw new Error('dnsperf hangs')
  }
  const { stdout, stderr } = running.output
  const [, found = ''] = /Queries per second:\s+([\d.]+)/.exec(stdout) ?? []
  const good = Number(/NOERROR \d+ \(([\d.]+)%\)/.exec(stdout)?.[1] ?? 0)
  if (found === '' || good < 99.9) throw new Error(`dnsperf: ${stderr.trim()} ${stdout.slice(-500)}`)
  const latencies = [...stdout.matchAll(/^> NOERROR \S+ \S+ ([\d.]+)$/gm)].map(
    ([, s = '']) => Number(s) * 1000,
  )
  return { rate: Number(found), latencies }
}
