/** What keys do to what waits in a terminal. */
import { command, table } from './markdown.ts'
import type { HOLDS } from './waiting.ts'

export interface Typed {
  readonly shell: string
  readonly in: keyof typeof HOLDS
  readonly run: string
  /** Control and this letter. */
  readonly key: 'C' | 'Z' | 'D' | '\\'
  /** C and \: the status that the shell tells. */
  readonly status?: number
  readonly says: string
}

const interrupted = { key: 'C', status: 130 } as const
const SHELLS = ['bash', 'dash', 'zsh', 'busybox sh', 'fish']

export const typed: readonly Typed[] = [
  ...SHELLS.map((shell) => ({
    ...interrupted,
    in: 'channel' as const,
    shell,
    run: 'cat recv',
    says: 'ends; nobody receives any more',
  })),
  { ...interrupted, in: 'channel', shell: 'bash', run: 'echo x > send', says: 'ends; sends nothing' },
  { ...interrupted, in: 'channel', shell: 'bash', run: 'read -r x < recv', says: 'ends' },
  { ...interrupted, in: 'channel', shell: 'bash', run: 'while cat recv; do :; done', says: 'ends the loop' },
  { ...interrupted, in: 'channel', shell: 'bash', run: 'x=$(cat recv)', says: 'ends' },
  {
    ...interrupted,
    in: 'channel',
    shell: 'bash',
    run: 'python3 -c \'open("recv").read()\'',
    says: 'KeyboardInterrupt',
  },
  { ...interrupted, in: 'channel', shell: 'bash', run: 'node -e \'fs.readFileSync("recv")\'', says: 'ends' },
  {
    ...interrupted,
    in: 'channel',
    shell: 'bash',
    run: 'node -e \'fs.readFile("recv", () => {})\'',
    says: 'ends',
  },
  { ...interrupted, in: 'process', shell: 'bash', run: 'cat stdout', says: 'ends' },
  { ...interrupted, in: 'process', shell: 'bash', run: 'cat wait', says: 'ends' },
  { in: 'channel', shell: 'bash', run: 'cat recv', key: '\\', status: 131, says: 'ends' },
  { in: 'channel', shell: 'bash', run: 'cat recv', key: 'Z', says: 'stops; after `fg` it goes on waiting' },
  { in: 'channel', shell: 'zsh', run: 'cat recv', key: 'Z', says: 'the same' },
  { in: 'channel', shell: 'bash', run: 'busybox cat recv', key: 'Z', says: 'the same' },
  {
    in: 'channel',
    shell: 'bash',
    run: 'python3 -c \'print(open("recv").read())\'',
    key: 'Z',
    says: 'the same',
  },
  { in: 'channel', shell: 'bash', run: 'perl -pe 1 recv', key: 'Z', says: 'the same' },
  { in: 'process', shell: 'bash', run: 'cat stdout', key: 'Z', says: 'the same' },
  { in: 'process', shell: 'bash', run: 'cat > stdin', key: 'D', says: 'ends the input of the process' },
  { in: 'process', shell: 'bash', run: 'cat >> stdin', key: 'D', says: 'ends `cat`; the input goes on' },
]

/** What programs show that take the whole screen, in an empty anchor, when one thing after the other is typed. */
export interface OnScreen {
  readonly run: string
  readonly steps: readonly { readonly type: string; readonly shows: RegExp }[]
  readonly says: string
}

export const onScreen: readonly OnScreen[] = [
  {
    run: 'less peek',
    steps: [
      { type: '', shows: /^null$/m },
      { type: 'q', shows: /ready>$/ },
    ],
    says: 'shows it',
  },
  {
    run: 'busybox vi peek',
    steps: [
      { type: '', shows: /peek \[Readonly\] 0\/0/ },
      { type: ':q\n', shows: /ready>$/ },
    ],
    says: 'shows nothing: goes by the size, 0',
  },
  {
    run: 'busybox vi ~/text',
    steps: [
      { type: ':w new\n', shows: /'new' Operation not permitted/ },
      { type: ':w! ctl\n', shows: /'ctl' 1L, 0C/ },
      { type: ':q!\n', shows: /ready>$/ },
    ],
    says: 'can make no file, and says so; of a write that fails it says only `0C`: no bytes',
  },
]

export const onScreenTable = (): string =>
  table(
    ['on the whole screen', 'what it does'],
    onScreen.map((row) => [command(row), row.says]),
  )

export const keysTable = (): string =>
  table(
    ['in a terminal', 'Ctrl-', 'what it does'],
    typed.map((row) => [command(row), row.key, row.says]),
  )
