/** What shells do, each construct in each of five shells. */
import { code, table } from './markdown.ts'

export const SHELLS = ['bash', 'dash', 'zsh', 'busybox sh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

interface Expected {
  readonly prints?: string
  readonly status?: number
  /** Messages that are in `talk` at the end. */
  readonly sends?: readonly string[]
}

/** What one shell does otherwise, or the same in its own language. */
export interface Deviation extends Expected {
  readonly run?: string
  readonly note?: string
}

/** Run in an anchor that holds `jobs`, in which `cat` runs, and `talk`, a channel with room for 9 messages. */
export interface Construct extends Expected {
  readonly run: string
  readonly says: string
  /** What is in `talk` at the beginning. It is closed then if `closed`. */
  readonly given?: readonly string[]
  readonly closed?: boolean
  /** By shell; 'none' where there is no such thing. */
  readonly but?: Partial<Readonly<Record<Shell, Deviation | 'none'>>>
}

const three = { given: ['1\n', '2\n', '3\n'], closed: true } as const
const inBrackets = { prints: '<1>\n<2>\n<3>\n' } as const
const hasNoSubstitution: Deviation = {
  run: 'for i in 1 2; do x=$(<talk/recv) && echo "<$x>"; done',
  prints: '<>\n<>\n',
  sends: three.given,
  note: 'never ends: has no `$(<FILE)`',
}

export const constructs: readonly Construct[] = [
  {
    run: '{ echo a; echo b; } > talk/send',
    says: 'one message',
    sends: ['a\nb\n'],
    but: { fish: { run: 'begin; echo a; echo b; end > talk/send' } },
  },
  {
    run: '{ echo a; echo b; } >> talk/send',
    says: 'two messages',
    sends: ['a\n', 'b\n'],
    but: { fish: { run: 'begin; echo a; echo b; end >> talk/send' } },
  },
  { run: ': > talk/send', says: 'an empty message', sends: [''] },
  {
    run: 'exec 3> talk/send; echo a >&3; echo b >&3; exec 3>&-',
    says: 'one message',
    sends: ['a\nb\n'],
    but: { fish: 'none' },
  },
  {
    run: 'exec 3>> talk/send; echo a >&3; echo b >&3; exec 3>&-',
    says: 'two messages',
    sends: ['a\n', 'b\n'],
    but: { fish: 'none' },
  },
  {
    run: 'echo abc | tee talk/send | tr a-z A-Z',
    says: 'sends what passes by',
    prints: 'ABC\n',
    sends: ['abc\n'],
  },
  {
    run: 'ls nosuch 2> talk/send; echo $?',
    says: 'sends what was said on stderr',
    prints: '2\n',
    sends: ["ls: cannot access 'nosuch': No such file or directory\n"],
    but: {
      'busybox sh': {
        prints: '1\n',
        sends: ['ls: nosuch: No such file or directory\n'],
        note: 'its own `ls`',
      },
      fish: { run: 'ls nosuch 2> talk/send; echo $status' },
    },
  },
  {
    run: 'echo hi > talk/send > jobs/stdin; cat jobs/stdout',
    says: 'goes to the last; the first is opened and closed, so that an empty message is sent',
    prints: 'hi\n',
    sends: [''],
    but: { zsh: { sends: ['hi\n'], note: 'goes to both' } },
  },
  {
    run: 'set -C; echo x > talk/send || echo refused',
    says: 'noclobber protects special files too',
    prints: 'refused\n',
    but: { fish: 'none' },
  },
  {
    run: 'set -C; echo x >| talk/send; echo x >> talk/send',
    says: 'these work with noclobber',
    sends: ['x\n', 'x\n'],
    but: { fish: 'none' },
  },
  {
    run: 'cat talk/recv & echo hello > talk/send; wait',
    says: 'a job in the background waits for the message',
    prints: 'hello\n',
  },
  {
    run: 'cat jobs/stdout & echo hello > jobs/stdin; wait',
    says: 'a job in the background reads to the end',
    prints: 'hello\n',
  },
  {
    run: 'cat talk/recv & kill $!; wait $!; echo $?',
    says: 'a job that waits can be killed',
    prints: '143\n',
    but: { fish: { run: 'cat talk/recv & kill $last_pid; wait; echo killed', prints: 'killed\n' } },
  },
  {
    run: 'exec 3< talk/recv; cat <&3; cat <&3',
    says: 'one message; its end repeats',
    given: ['1\n', '2\n'],
    prints: '1\n',
    sends: ['2\n'],
    but: { fish: 'none' },
  },
  {
    run: 'exec 3<> talk/recv; cat <&3; cat <&3',
    says: 'one message after the other',
    given: ['1\n', '2\n'],
    prints: '1\n2\n',
    but: { fish: 'none' },
  },
  {
    run: 'exec 3<> talk/ctl; echo bogus >&3; cut -c 1-15 <&3',
    says: 'the outcome of the command that was written there',
    prints: 'EINVAL "bogus" \n',
    but: { fish: 'none' },
  },
  {
    run: 'while cat talk/recv; do :; done',
    says: 'all messages, until the channel is closed and drained',
    ...three,
    prints: '1\n2\n3\n',
    but: { fish: { run: 'while cat talk/recv; end' } },
  },
  {
    run: 'while x=$(cat talk/recv); do echo "<$x>"; done',
    says: 'the same, in a variable',
    ...three,
    ...inBrackets,
    but: { fish: { run: 'while set x (cat talk/recv); echo "<$x>"; end' } },
  },
  {
    run: 'while x=$(<talk/recv); do echo "<$x>"; done',
    says: 'the same',
    ...three,
    ...inBrackets,
    but: { dash: hasNoSubstitution, 'busybox sh': hasNoSubstitution, fish: 'none' },
  },
  {
    run: 'while read -r x < talk/recv; do echo "<$x>"; done',
    says: 'the first line of each message; the rest of it is dropped',
    ...three,
    ...inBrackets,
    but: { fish: { run: 'while read x < talk/recv; echo "<$x>"; end' } },
  },
  {
    run: 'while read -r x; do echo "<$x>"; done < talk/recv',
    says: 'the lines of one message',
    given: ['1\n2\n3\n', '4\n'],
    ...inBrackets,
    sends: ['4\n'],
    but: { fish: { run: 'while read x; echo "<$x>"; end < talk/recv' } },
  },
  {
    run: 'read -t 0.1 -r x < talk/recv; echo $?',
    says: 'gives up when no message comes',
    prints: '1\n',
    but: {
      bash: {
        run: "timeout 0.5 bash -c 'read -t 0.1 x < talk/recv'; echo $?",
        prints: '124\n',
        note: 'waits for good, as its manual says of regular files: use `timeout 1 cat talk/recv`',
      },
      dash: 'none',
      fish: 'none',
    },
  },
  {
    run: 'cat <(cat talk/recv) talk/recv',
    says: 'two messages',
    given: ['1\n', '2\n'],
    prints: '1\n2\n',
    but: { dash: 'none', fish: { run: 'cat (cat talk/recv | psub) talk/recv' } },
  },
  {
    run: 'echo bogus > talk/ctl || echo failed',
    says: 'a command that fails fails here',
    prints: 'failed\n',
  },
  {
    run: 'set -e; echo bogus > talk/ctl; echo not reached',
    says: 'it ends the script',
    status: 1,
    but: { fish: 'none' },
  },
  {
    run: 'echo x > talk/send || echo closed',
    says: 'says “Broken pipe”, when it opens the file',
    closed: true,
    prints: 'closed\n',
  },
  {
    run: 'read -r x < talk/recv || echo over',
    says: 'says “No data available”, when it opens the file',
    closed: true,
    prints: 'over\n',
    but: { fish: { run: 'read x < talk/recv; or echo over' } },
  },
  {
    run: 'echo kill > jobs/ctl; (exit $(cat jobs/wait)); echo $?',
    says: 'the status of the process as the shell’s own',
    prints: '137\n',
    but: { fish: { run: 'echo kill > jobs/ctl; cat jobs/wait' } },
  },
  {
    run: 'echo kill > jobs/ctl; cat jobs/wait; while echo x; do :; done > jobs/stdin; echo over',
    says: '`echo` fails: there is an error, EPIPE, and no signal SIGPIPE',
    prints: '137\nover\n',
    but: {
      fish: {
        run: 'echo kill > jobs/ctl; cat jobs/wait; while echo x; end > jobs/stdin; echo over',
        note: 'fails silently',
      },
    },
  },
  { run: 'cd talk; echo hi > send; cat recv', says: 'one can stand in an anchor', prints: 'hi\n' },
]

const cell = (deviation: Deviation | 'none' | undefined): string => {
  if (deviation === 'none') return '–'
  return [deviation?.note ?? '✓', deviation?.note === undefined && deviation?.run && code(deviation.run)]
    .filter(Boolean)
    .join(' ')
}

export const shellsTable = (): string =>
  table(
    ['in a shell', 'what it does', ...SHELLS],
    constructs.map(({ run, says, but = {} }) => [
      code(run),
      says,
      ...SHELLS.map((shell) => cell(but[shell])),
    ]),
  )
