/** Containers through the mount, against `docker run` on the same engine and without a log driver, as ours are. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { IMAGE, mkdkr, noEngine, startEngine } from '../../test/engine.ts'
import { type Circuit, withCircuit } from '../circuit.ts'
import { ifStopped } from '../programs.ts'
import { compare, type Findings, type Group } from '../report.ts'

const STREAM_BYTES = 500_000_000
const RUNS = 5

export const containers: Group = {
  name: 'containers',
  title: 'Containers, against `docker run` on the same engine',
  async run(rounds) {
    if (noEngine) throw new Error(`containers: ${noEngine}`)
    const downs: (() => void | Promise<void>)[] = []
    try {
      const engine = await startEngine({ teardown: (down) => void downs.push(down) })
      const { DOCKER_HOST } = engine.env
      // The server has it from here.
      process.env.DOCKER_HOST = DOCKER_HOST
      const withdraw = ifStopped(() => {
        for (const pid of engine.processes()) process.kill(pid, 'SIGKILL')
      })
      return await withCircuit({ args: ['-docker'] }, (circuit) => measure(circuit, rounds)).finally(withdraw)
    } finally {
      for (const down of downs.reverse()) await down()
    }
  },
}

async function measure({ self }: Circuit, rounds: number): Promise<Findings> {
  const bytes = String(STREAM_BYTES)
  const streams = { rounds, unit: 'MB/s', target: 0.5 }
  const speed = (script: string) => async (): Promise<number> => STREAM_BYTES / 1e6 / (await seconds(script))
  const rate = (script: string) => async (): Promise<number> =>
    RUNS / (await seconds(`for n in $(seq ${RUNS}); do ${script} || exit 1; done`))
  const docker = `docker run --rm --init --log-driver none`
  const ours = (fields: object, use: string): string =>
    `A=${self}/c$(date +%N) && mkdir $A && echo '${mkdkr(fields)}' > $A/ctl && ${use} && [ "$(cat $A/wait)" = 0 ] && rmdir $A`
  const count = { Path: 'wc', Args: ['-c'] }
  return {
    comparisons: [
      await compare(
        'stdout',
        speed(`${docker} ${IMAGE} head -c ${bytes} /dev/zero > /dev/null`),
        speed(ours({ Path: 'head', Args: ['-c', bytes, '/dev/zero'] }, 'cat $A/stdout > /dev/null')),
        streams,
      ),
      await compare(
        'stdin, from `cat`: what a pipe holds, 64 KiB a write',
        speed(`head -c ${bytes} /dev/zero | cat | ${docker} -i ${IMAGE} wc -c > /dev/null`),
        speed(ours(count, `head -c ${bytes} /dev/zero | cat > $A/stdin && cat $A/stdout > /dev/null`)),
        streams,
      ),
      await compare(
        'stdin, from `head`: 4 KiB a write',
        speed(`head -c ${bytes} /dev/zero | ${docker} -i ${IMAGE} wc -c > /dev/null`),
        speed(ours(count, `head -c ${bytes} /dev/zero > $A/stdin && cat $A/stdout > /dev/null`)),
        { rounds, unit: 'MB/s' },
      ),
      await compare(
        '`true`, from its description until nothing of it is left',
        rate(`${docker} ${IMAGE} true`),
        rate(ours({ Path: 'true' }, 'true')),
        { rounds, unit: 'runs/s', target: 1 / 1.1 },
      ),
    ],
  }
}

/** How long a shell script takes, which must succeed. */
async function seconds(script: string): Promise<number> {
  const begun = performance.now()
  await promisify(execFile)('sh', ['-c', script], { timeout: 60_000 })
  return (performance.now() - begun) / 1000
}
