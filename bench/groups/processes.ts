/** /bin/true, run and its status read, against fork, exec and wait. */
import { inEachPlace } from '../place.ts'
import type { Group } from '../report.ts'

const RUNS = 100
const SHELL_RUNS = 30

const ours = `n=0; while [ $n -lt ${SHELL_RUNS} ]; do n=$((n + 1))
  mkdir "$0/s$n" && echo 'run /bin/true' > "$0/s$n/ctl" && read -r status < "$0/s$n/wait" && [ "$status" = 0 ] &&
  rmdir "$0/s$n" || exit 1; done`
const floor = `n=0; while [ $n -lt ${SHELL_RUNS} ]; do n=$((n + 1)); /bin/true || exit 1; done`

export const processes: Group = {
  name: 'processes',
  title: 'Running /bin/true and reading its status, against fork, exec and wait',
  run: (rounds) =>
    inEachPlace(rounds, (place) =>
      place.circuit(async (circuit) => {
        const anchor = await circuit.anchor()
        const script = (text: string, path: string) => async (): Promise<number> =>
          SHELL_RUNS * (await place.wholeRate('spawnwait', '1', 'sh', '-c', text, path)())
        const unit = 'runs/s'
        return [
          await place.compare(
            'from one program',
            place.wholeRate('spawnwait', String(RUNS), '/bin/true'),
            place.wholeRate('circuit-true', anchor, String(RUNS)),
            { unit },
          ),
          await place.compare(
            'from a shell script, `mkdir` and `rmdir` included',
            script(floor, anchor),
            script(ours, anchor),
            { unit },
          ),
        ]
      }),
    ),
}
