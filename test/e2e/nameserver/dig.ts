/** Asks nameservers with dig, as many questions at once as one likes, and takes apart what it prints. */
import { runShell } from '../../server.ts'

/** What dig says of one answer. */
export interface DigAnswer {
  /** NOERROR, NXDOMAIN, … */
  readonly status: string
  /** Those of aa and tc that are set. */
  readonly flags: string
  /** Records as dig prints them, their owners in lower case, sorted. */
  readonly answer: readonly string[]
  readonly authority: readonly string[]
  readonly additional: readonly string[]
}

/**
 * Asks `address`, HOST:PORT, question by question: words of dig, such as `a.test. MX +tcp`.
 * Rejects where there is no answer.
 */
export async function dig(address: string, questions: readonly string[]): Promise<DigAnswer[]> {
  const [host = '', port = ''] = address.split(':')
  const options = '+norecurse +tries=2 +time=5 +noignore'
  const input = questions.map((question) => `@${host} -p ${port} ${options} ${question}\n`).join('')
  const { stdout } = await runShell('exec dig -f -', { input, limit: 60_000 })
  const answers = stdout.split(';; Got answer:').slice(1).map(parse)
  if (answers.length !== questions.length)
    throw new Error(`${answers.length} answers to ${questions.length} questions: …${stdout.slice(-500)}`)
  return answers
}

function parse(text: string): DigAnswer {
  const section = (name: string): string[] => {
    const [, body = ''] = new RegExp(`;; ${name} SECTION:\\n((?:.+\\n)*)`).exec(text) ?? []
    return body
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(/^\S+/, (owner) => owner.toLowerCase()))
      .sort()
  }
  const flags = /flags: ([a-z ]*);/.exec(text)?.[1]?.split(' ') ?? []
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? 'none',
    flags: flags.filter((flag) => flag === 'aa' || flag === 'tc').join(' '),
    answer: section('ANSWER'),
    authority: section('AUTHORITY'),
    additional: section('ADDITIONAL'),
  }
}
