/** Tools that walk, make, move and remove, in a directory with four anchors in it. */
import { code, command, table } from './markdown.ts'
import type { Use } from './workshop.ts'

/** What the tools are let loose on, below an anchor. */
export const ANCHORS = {
  jobs: undefined,
  'jobs/running': 'run cat',
  'jobs/done': "run printf 'one\\ntwo\\n'",
  talk: 'mkchan 3',
  empty: 'mkchan',
} as const
/** The message that waits in `talk`. */
export const MESSAGE = 'message\n'

export interface TreeUse extends Use {
  /** What it prints, where that is worth a look. */
  readonly prints?: string | RegExp
  /** What it says on stderr; nothing by default. */
  readonly complains?: string
  readonly status?: number
  /** What it takes that can be taken but once. */
  readonly takes?: 'message' | 'output' | 'both'
  /** Anchors that are there no more. */
  readonly removes?: readonly string[]
  readonly says: string
}

const notPermitted = { complains: 'Operation not permitted', status: 1 } as const

const looking: readonly TreeUse[] = [
  { run: 'ls -lR', prints: /^jobs\/done:|\.\/jobs\/done:/m, says: 'lists all, opens nothing' },
  { run: 'busybox ls -lR', prints: /^\.\/jobs\/done:/m, says: 'the same' },
  {
    run: "stat -c '%n %s %F %a' talk talk/recv talk/send",
    prints: 'talk 0 directory 700\ntalk/recv 0 regular empty file 600\ntalk/send 0 regular empty file 200\n',
    says: 'size 0, always; the mode says what can be done',
  },
  { run: 'du -s .', prints: '0\t.\n', says: 'nothing takes space' },
  { run: 'df .', prints: /^circuit +0 +0 +0 /m, says: 'nor is there any' },
  {
    run: 'find . -type d',
    prints: '.\n./jobs\n./jobs/running\n./jobs/done\n./talk\n./empty\n',
    says: 'the anchors',
  },
  { run: 'busybox find . -type d -maxdepth 1', prints: '.\n./jobs\n./talk\n./empty\n', says: 'those here' },
  { run: 'find . -name recv', prints: './talk/recv\n./empty/recv\n', says: 'the channels' },
  { run: 'find . -size +0', prints: '', says: 'nothing: all sizes are 0' },
  {
    run: 'grep -rl --include=peek running .',
    prints: './jobs/running/peek\n',
    says: 'the processes that run; `--include` keeps it from what can be taken but once',
  },
  {
    run: 'find . -name peek -exec grep -l exited {} +',
    prints: './jobs/done/peek\n',
    says: 'the processes that have ended',
  },
  {
    run: 'test -r talk/recv && test -w talk/send && ! test -r talk/send && ! test -x talk/recv',
    prints: '',
    says: 'say what the files can do, to root too',
  },
  {
    run: 'test -w jobs/done/stdout',
    prints: '',
    status: 1,
    says: 'says no',
  },
  {
    run: 'grep -r message .',
    prints: /^\.\/talk\/recv:message$/m,
    complains:
      'jobs/running/stdout: Resource temporarily unavailable … empty/recv: Resource temporarily unavailable',
    status: 2,
    takes: 'both',
    says: '**takes messages and output that wait**; never waits itself, as it opens with O_NONBLOCK',
  },
  {
    run: 'busybox grep -r message talk jobs/done',
    prints: /^talk\/recv:message$/m,
    complains: 'Permission denied',
    status: 2,
    takes: 'both',
    says: '**takes them too, and waits** where nothing is there to take',
  },
  {
    run: 'tar -cf ~/t . ; tar -tf ~/t | grep -c recv',
    prints: '2\n',
    complains: 'talk/send: Cannot open: Permission denied',
    says: 'empty files; takes nothing, as all sizes are 0',
  },
  {
    run: 'rsync -r . ~/copy; cat ~/copy/talk/recv',
    prints: '',
    complains: 'failed to open  … talk/send": Permission denied',
    says: 'the same',
  },
  {
    run: 'cp -r talk ~/copy; cat ~/copy/recv',
    prints: MESSAGE,
    complains: "cp: cannot open 'talk/send' for reading: Permission denied",
    takes: 'message',
    says: '**takes a message, waits for one** if there is none, and complains of what can only be written',
  },
  {
    run: 'cp -r jobs/done ~/copy; cat ~/copy/stdout ~/copy/wait',
    prints: 'one\ntwo\n0\n',
    complains: "cp: cannot open 'jobs/done/stdin' for reading: Permission denied",
    takes: 'output',
    says: '**takes the output**, and waits for the end of a process that runs',
  },
  {
    run: 'cp -r talk copy',
    complains:
      "cp: cannot create regular file 'copy/ctl': File exists … 'copy/recv': Operation not permitted",
    status: 1,
    prints: '',
    says: 'makes an empty anchor, and copies nothing into it',
  },
]

const making: readonly TreeUse[] = [
  {
    run: 'mkdir -p a/b/c && mkdir -p a/b/c && rmdir -p a/b/c',
    prints: '',
    says: 'makes anchors, and removes them',
  },
  { run: 'mkdir -m 777 a && stat -c %a a && rmdir a', prints: '700\n', says: 'the mode is not asked for' },
  { run: 'mkdir jobs', complains: 'File exists', status: 1, says: 'the name is taken' },
  {
    run: 'mkdir empty/stdin',
    complains: 'File exists',
    status: 1,
    says: 'the name is reserved, here as everywhere',
  },
  { run: 'touch talk/send talk/recv talk', prints: '', says: 'nothing, successfully' },
  { run: 'touch new', ...notPermitted, says: 'no other files can be made' },
  { run: 'echo x > new', ...notPermitted, status: 2, says: 'nor so' },
  { run: 'mkfifo new', ...notPermitted, says: 'nor others' },
  { run: 'ln -s talk new', ...notPermitted, says: 'nor links' },
  { run: 'ln talk/send new', ...notPermitted, says: 'nor these' },
  { run: 'echo x > talk', complains: 'Is a directory', status: 2, says: 'an anchor is a directory' },
  { run: 'cat talk', complains: 'Is a directory', status: 1, says: 'an anchor is a directory' },
  { run: 'chmod 777 talk/send && stat -c %a talk/send', prints: '200\n', says: 'nothing, successfully' },
  { run: 'chown nobody talk/send && stat -c %u talk/send', prints: '0\n', says: 'nothing, successfully' },
  { run: 'truncate -s 0 talk/send', prints: '', says: 'nothing, successfully: no message is sent' },
  {
    run: 'sed -i s/a/b/ talk/peek',
    complains: "couldn't open temporary file  … : Operation not permitted",
    status: 4,
    says: 'can’t: it wants to make a new file',
  },
  { run: 'flock talk/recv echo locked', prints: 'locked\n', says: 'locks, but excludes nobody else' },
]

const moving: readonly TreeUse[] = [
  {
    run: 'rmdir jobs/done',
    prints: '',
    removes: ['jobs/done'],
    says: 'removes an anchor whose element has ended',
  },
  { run: 'rmdir jobs/running', complains: 'Device or resource busy', status: 1, says: 'its process runs' },
  { run: 'rmdir jobs', complains: 'Directory not empty', status: 1, says: 'there are anchors in it' },
  { run: 'rm talk/send', ...notPermitted, says: 'files belong to their anchor' },
  { run: 'rm -f talk/send', ...notPermitted, says: 'files belong to their anchor' },
  {
    run: 'rm -r jobs/done',
    ...notPermitted,
    says: 'can’t: it wants to remove the files first; use `rmdir`, or `find` as below',
  },
  { run: 'busybox rm -r jobs/done', ...notPermitted, says: 'the same' },
  {
    run: 'rm -d jobs/done',
    complains: 'Directory not empty',
    status: 1,
    says: 'looks inside, and does not try',
  },
  {
    run: 'find jobs/done -depth -type d -delete',
    prints: '',
    removes: ['jobs/done'],
    says: 'removes a tree of anchors',
  },
  {
    run: 'find . -mindepth 1 -depth -type d -delete',
    complains: 'jobs/running … : Device or resource busy … talk … : Device or resource busy',
    status: 1,
    removes: ['jobs/done'],
    says: 'all that can go, and says why the others can’t',
  },
  {
    run: 'find jobs/done -delete',
    ...notPermitted,
    removes: ['jobs/done'],
    says: 'complains of every file, and removes the anchor',
  },
  {
    run: 'busybox find jobs/done -depth -type d -exec rmdir {} ";"',
    prints: '',
    removes: ['jobs/done'],
    says: 'busybox’s way',
  },
  { run: 'mv jobs/done done', ...notPermitted, says: 'anchors are not renamed' },
  { run: 'mv talk/recv talk/r', ...notPermitted, says: 'nor files' },
  {
    run: 'mv jobs/done ~/done; ls ~/done',
    prints: 'ctl\nerror\nhelp\npeek\nstderr\nstdout\nwait\n',
    complains: "mv: cannot open 'jobs/done/stdin' for reading: Permission denied",
    takes: 'output',
    says: 'copies as `cp -r`, taking what it finds, and removes nothing',
  },
  {
    run: 'cd jobs/done && rmdir ../done && ls',
    complains: 'No such file or directory',
    status: 2,
    removes: ['jobs/done'],
    says: 'who stands in an anchor that has been removed stands nowhere',
  },
]

export const trees = { looking, making, moving } as const

export const treesTable = (rows: readonly TreeUse[]): string =>
  table(
    ['command', 'what it does', ''],
    rows.map(({ says, complains, ...use }) => [
      command(use),
      says,
      complains ? `says ${code(complains)}` : '',
    ]),
  )
