/** The sentences D of docs/semantics.md: containers, which are jobs as processes are. */
import t from 'tap'
import { CommandReader } from '../../src/proto/command.ts'
import { IMAGE, noEngine, startEngine } from '../engine.ts'
import { jobSentences } from './job.ts'
import { inEachPlace } from './place.ts'

const engine = noEngine ? undefined : await startEngine(t)

/** A command that makes a process as one that makes a container, which runs the same. */
function inContainer(text: string): string {
  const reader = new CommandReader()
  const [command] = [...reader.write(Buffer.from(text))]
  const { verb, words = [], fields } = command ?? {}
  if (verb !== 'run' && verb !== 'mkproc') return text
  const [Path, ...Args] = words
  return `mkdkr ${JSON.stringify({ Image: IMAGE, ...(fields ?? { Path, Args }) })}`
}

inEachPlace(
  (sentence) => {
    jobSentences(sentence)
  },
  {
    near: true,
    skip: noEngine,
    translate: inContainer,
    server: { args: ['-docker'], ...(engine && { env: engine.env }) },
  },
)
