/** A nameserver of 10,000 names, asked over UDP by dnsperf, against BIND. */
import type { Circuit } from '../circuit.ts'
import { dnsperf, withNamed, withQuestions, zoneText } from '../nameservers.ts'
import { inEachPlace, type Place } from '../place.ts'
import type { Comparison, Group } from '../report.ts'

/** Questions a second that leave both time to spare. */
const MODERATE = 2000
const MOMENT = { seconds: 1 }

export const dns: Group = {
  name: 'dns',
  title: 'A nameserver of 10,000 names, against BIND',
  run: (rounds) =>
    inEachPlace(rounds, (place) =>
      withNamed(place.cpu, (theirs) =>
        withQuestions((questions) =>
          place.circuit(async (circuit) =>
            compareNameservers(place, questions, theirs, await serve(circuit)),
          ),
        ),
      ),
    ),
}

/** Makes our nameserver; gives HOST:PORT. */
async function serve(circuit: Circuit): Promise<string> {
  const anchor = await circuit.anchor('mkdns')
  const records = zoneText().split('\n')
  for (let at = 0; at < records.length; at += 1000)
    await circuit.command(
      anchor,
      records
        .slice(at, at + 1000)
        .map((record) => `set ${record}`)
        .join('\n'),
    )
  return (await circuit.peek<{ Address: string }>(anchor)).Address
}

async function compareNameservers(
  place: Place,
  questions: string,
  theirs: string,
  ours: string,
): Promise<Comparison[]> {
  const most = (address: string) => async () =>
    (await dnsperf(address, questions, { ...place.cpu, ...MOMENT })).rate
  const pace = (address: string) => async () => {
    const { latencies } = await dnsperf(address, questions, { ...place.cpu, ...MOMENT, rate: MODERATE })
    const sorted = [...latencies].sort((a, b) => a - b)
    return 1000 / (sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN)
  }
  return [
    await place.compare('answers', most(theirs), most(ours), { unit: 'answers/s', target: 0.1 }),
    await place.compare(
      `1 / p99 of the latency at ${MODERATE} questions a second`,
      pace(theirs),
      pace(ours),
      {
        unit: '1/s',
        target: 0.1,
      },
    ),
  ]
}
