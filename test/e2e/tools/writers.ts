/** Tools that write: what the lines `one` and `two` become in stdin and send, and what is said of a command that fails. */
import { code, command, remarks, table } from './markdown.ts'
import { TEXT, type Use } from './workshop.ts'

/**
 * FILE in `run` stands for the file, `~/text` holds what is to be written, and $TEXT the same without the newline at
 * its end.
 */
export interface Writer extends Use {
  /** Whether the process sees the end of its input: opened as with `>`, not with `>>`. */
  readonly ends?: boolean
  /** What is received. */
  readonly messages?: readonly string[]
  /** What it says when a command on ctl fails; default: Invalid argument. */
  readonly complains?: string
  /** Its status when a command on ctl fails; default: 1. */
  readonly status?: number
  /** What it says everywhere, for those that can't write at all. */
  readonly refused?: string
  readonly note?: string
}

const append = { ends: false } as const
const oneALine = { ends: false, messages: ['one\n', 'two\n'] } as const
const printf = 'printf "%s\\n" "$TEXT"'
const inFish = 'printf "%s\\n" $TEXT'
const silent = (note: string) => ({ complains: '', note }) as const

const shells: readonly Writer[] = [
  ...['bash', 'dash', 'zsh', 'busybox sh', 'fish'].map((shell) => ({
    shell,
    run: `${shell === 'fish' ? inFish : printf} > FILE`,
    ...(shell === 'busybox sh' ? silent('says nothing, but fails') : {}),
    ...(shell === 'dash' ? { complains: 'I/O error', note: 'has its own words for every error' } : {}),
    ...(shell === 'zsh' ? { complains: 'write error: invalid argument' } : {}),
  })),
  { shell: 'bash', run: `${printf} >> FILE`, ...oneALine, note: 'writes each line by itself' },
  { shell: 'dash', run: `${printf} >> FILE`, ...append, complains: 'I/O error' },
  { shell: 'zsh', run: `${printf} >> FILE`, ...append, complains: 'write error: invalid argument' },
  { shell: 'busybox sh', run: `${printf} >> FILE`, ...append, ...silent('') },
  { shell: 'fish', run: `${inFish} >> FILE`, ...append },
  { shell: 'bash', run: `{ ${printf}; } > FILE` },
  { shell: 'bash', run: 'cat > FILE << END\n$TEXT\nEND', note: 'a here-document' },
  { shell: 'dash', run: 'cat >> FILE << END\n$TEXT\nEND', ...append },
  { shell: 'zsh', run: 'cat <<< "$TEXT" > FILE' },
]

const tools: readonly Writer[] = [
  { run: 'cat ~/text > FILE' },
  { run: 'cat ~/text >> FILE', ...append },
  { run: 'busybox cat ~/text > FILE' },
  { run: 'tee FILE < ~/text > /dev/null' },
  { run: 'tee -a FILE < ~/text > /dev/null', ...append },
  { run: 'busybox tee FILE < ~/text > /dev/null', complains: 'tee: FILE: I/O error' },
  { run: 'dd of=FILE status=none < ~/text' },
  { run: 'dd of=FILE conv=notrunc status=none < ~/text' },
  { run: 'dd of=FILE oflag=append conv=notrunc status=none < ~/text', ...append },
  { run: 'busybox dd of=FILE < ~/text' },
  { run: 'cp ~/text FILE' },
  { run: 'cp -p ~/text FILE' },
  { run: 'cp -a ~/text FILE' },
  { run: 'busybox cp ~/text FILE' },
  { run: "grep '' ~/text > FILE", status: 2 },
  { run: 'sort -s -k 9 -o FILE ~/text', status: 2 },
  {
    run: 'busybox sort -s -k 9 -o FILE ~/text',
    status: 0,
    note: 'says that it failed, but its status is 0',
  },
  { run: "sed -n 'w FILE' ~/text", status: 4 },
  { run: 'awk \'{print > "FILE"}\' ~/text', status: 2 },
  { run: 'awk \'{print >> "FILE"}\' ~/text', ...append, status: 2 },
  {
    run: 'busybox awk \'{print > "FILE"}\' ~/text',
    status: 0,
    ...silent('does not notice that a write fails'),
  },
  { run: "xargs -d '\\n' -n 1 echo < ~/text > FILE", status: 123 },
  { run: "xargs -d '\\n' -n 1 echo < ~/text >> FILE", ...oneALine, status: 123 },
  { run: 'split -b 9999 ~/text FILE', refused: 'split: FILEaa: Operation not permitted' },
  { run: 'mv ~/text FILE', refused: 'unable to remove target: Operation not permitted' },
  { run: 'install ~/text FILE', refused: "install: cannot remove 'FILE': Operation not permitted" },
  { run: 'rsync ~/text FILE', refused: 'mkstemp … failed: Operation not permitted', status: 23 },
  {
    run: 'cp --remove-destination ~/text FILE',
    refused: "cp: cannot remove 'FILE': Operation not permitted",
  },
  { run: 'busybox sed -i s/a/b/ FILE', refused: "can't create temp file …: Operation not permitted" },
]

type Rest = Omit<Writer, 'run'>

/** In all of them `text` is what is to be written. */
const python = (script: string, rest: Rest = {}): Writer => ({
  run: `python3 -c 'import os; text = os.environ["TEXT"]+"\\n"; ${script}'`,
  program: { language: 'Python', script },
  ...rest,
})
const perl = (script: string, rest: Rest = {}): Writer => ({
  run: `perl -e '$text = "$ENV{TEXT}\\n"; ${script}'`,
  program: { language: 'Perl', script },
  status: 22,
  ...rest,
})
const node = (script: string, rest: Rest = {}): Writer => ({
  run: `node -e 'const text = process.env.TEXT+"\\n"; ${script}'`,
  program: { language: 'Node', script },
  complains: 'EINVAL: invalid argument, write',
  ...rest,
})

const programs: readonly Writer[] = [
  python('file = open("FILE", "w"); file.write(text); file.close()'),
  python('file = open("FILE", "a"); file.write(text); file.close()', append),
  python('[open("FILE", "a").write(line) for line in text.splitlines(True)]', {
    ...oneALine,
    status: 0,
    note: 'without close(), Python tells nobody',
    complains: '',
  }),
  python('os.write(os.open("FILE", os.O_WRONLY), text.encode())'),
  python('import pathlib; pathlib.Path("FILE").write_text(text)'),
  python(
    'import subprocess; subprocess.run(["cat", os.environ["HOME"]+"/text"], stdout=open("FILE", "w"), check=True)',
  ),
  python('import shutil; shutil.copyfile(os.environ["HOME"]+"/text", "FILE")', {
    complains: 'OSError: [Errno 29] Illegal seek',
    note: 'its own doing: after an error it tries to seek',
  }),
  perl('open F, ">", "FILE"; print F $text; close F or die "$!\\n"'),
  perl('open F, ">>", "FILE"; print F $text; close F or die "$!\\n"', append),
  perl('open F, ">", "FILE"; print F $text', {
    status: 0,
    note: 'without close(), Perl only warns',
  }),
  perl('open F, ">", "FILE"; syswrite F, $text or die "$!\\n"'),
  node('fs.writeFileSync("FILE", text)'),
  node('fs.appendFileSync("FILE", text)', append),
  node('fs.promises.writeFile("FILE", text)'),
  node('fs.promises.appendFile("FILE", text)', append),
  node('fs.createWriteStream("FILE").end(text)'),
  node('fs.createWriteStream("FILE", { flags: "a" }).end(text)', append),
  node(
    'fs.promises.open("FILE", "a").then(async (file) => { for (const line of text.match(/.+\\n/g)) await file.write(line) })',
    oneALine,
  ),
  node('fs.copyFileSync(os.homedir()+"/text", "FILE")', { complains: 'EINVAL: invalid argument, copyfile' }),
]

export const writers = { shells, tools, programs } as const

const received = (messages: readonly string[]): string =>
  messages.length === 1 && messages[0] === TEXT ? 'one message' : messages.map(code).join(', ')

export const writersTable = (rows: readonly Writer[]): string =>
  table(
    ['command', 'stdin is then', 'received', 'a failing command on ctl', ''],
    rows.map(({ ends = true, messages = [TEXT], complains = 'Invalid argument', ...row }) => [
      command(row),
      ...(row.refused
        ? ['', '', '']
        : [ends ? 'ended' : 'open', received(messages), `status ${row.status ?? 1}`]),
      remarks(
        row.refused && `can't: ${code(row.refused)}`,
        complains !== 'Invalid argument' && complains !== '' && `says ${code(complains)}`,
        row.note,
      ),
    ]),
  )
