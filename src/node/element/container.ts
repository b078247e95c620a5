/** The kind `docker`: what it takes to make a Docker container, and what can be done with one. The rest is loaded with the first. */
import type { Command } from '../../proto/command.ts'
import { CircuitError } from '../../proto/errors.ts'
import type { Container } from './container/container.ts'
import { count, flag, number, oneOf, parseFields, text, texts, textsByName, type Values } from './fields.ts'
import { JOB_FILES, JOB_VERBS } from './job/files.ts'
import { MAX_LOG_BYTES, POLICIES } from './job/output.ts'
import { parseSignal } from './job/signals.ts'
import { type Birth, defineKind, type Element, expectWords, type Kind } from './kind.ts'

const policies = oneOf(...POLICIES)
const FIELDS = {
  Image: text,
  Memory: count(1, Number.MAX_SAFE_INTEGER),
  CpuShares: count(1, 1 << 18),
  Lxc: texts,
  Volume: texts,
  Dir: text,
  Entry: text,
  Env: texts,
  Path: text,
  Args: texts,
  Scrub: flag,
  Tty: flag,
  Network: text,
  Ports: texts,
  User: text,
  Cpus: number(0.01, 1 << 16),
  Restart: text,
  Labels: textsByName,
  Pull: flag,
  Stdout: policies,
  Stderr: policies,
  Log: count(1, MAX_LOG_BYTES),
} as const

/** What to run, in what, and how: the fields of `mkdkr`. */
export type ContainerSpec = Values<typeof FIELDS> & { readonly Image: string }

async function make(command: Command, birth: Birth): Promise<Element> {
  const { Image = '', ...rest } = parseFields(command, FIELDS)
  if (!birth.host.docker)
    throw new CircuitError(
      'EOPNOTSUPP',
      'this server makes no containers: it was started without the option -docker',
    )
  if (Image === '')
    throw new CircuitError('EINVAL', 'mkdkr: the field Image is missing: it names what to run')
  const { Container } = await import('./container/container.ts')
  return Container.start(containerKind, { ...rest, Image }, birth)
}

const SIGNAL = 'signal NAME'
const RESIZE = 'resize COLUMNS ROWS'

/** Columns or rows of a terminal. */
function parseSize(word: string): number {
  const size = /^\d{1,5}$/.test(word) ? Number(word) : 0
  if (size < 1 || size > 65_535)
    throw new CircuitError('EINVAL', `resize: usage: ${RESIZE}, as in resize 80 24`)
  return size
}

export const containerKind: Kind = defineKind<Container>({
  name: 'docker',
  files: {
    ...JOB_FILES,
    wait: {
      ...JOB_FILES.wait,
      open: (container) => {
        container.look()
        return JOB_FILES.wait.open(container)
      },
    },
  },
  verbs: {
    signal: {
      usage: SIGNAL,
      help: 'send a signal to the process: TERM, SIGTERM, term or 15',
      run: (container, command) => {
        const [name = ''] = expectWords(command, SIGNAL, 1)
        return container.signal(parseSignal(name))
      },
    },
    ...JOB_VERBS,
    resize: {
      usage: RESIZE,
      help: 'say how large the terminal is, where there is one ("Tty")',
      run: (container, command) => {
        const [columns = '', rows = ''] = expectWords(command, RESIZE, 2)
        return container.resize(parseSize(columns), parseSize(rows))
      },
    },
  },
  makers: {
    mkdkr: {
      usage:
        'mkdkr {"Image":"busybox","Path":"/bin/ls","Args":["/"],"Env":["K=V"],"Dir":"/","Entry":"","User":"nobody","Memory":1000000000,"CpuShares":3,"Cpus":1.5,"Volume":["/webapp","/src/webapp:/opt/webapp:ro"],"Network":"none","Ports":["8080:80"],"Labels":{"K":"V"},"Restart":"no","Tty":false,"Pull":false,"Scrub":false,"Stdout":"pipe","Stderr":"pipe","Log":1048576}',
      help: 'run a program in a Docker container, on a server that was started with -docker; only Image must be there. With Pull the engine fetches an image that it does not have; Stdout, Stderr and Log are as for mkproc',
      make,
    },
  },
})
