/** Tools that read: what each prints and takes of a file that holds the lines `one` and `two`. */
import { code, command, remarks, table } from './markdown.ts'
import { TEXT, type Use } from './workshop.ts'

/** How much of the file a tool has taken when it has ended. */
export const TAKES = {
  all: 'all',
  block: 'a block',
  printed: 'that',
  nothing: 'nothing',
} as const

/** FILE in `run` stands for the file. */
export interface Reader extends Use {
  /** What it prints of a text; default: the text. */
  readonly prints?: (text: string) => string
  readonly takes?: keyof typeof TAKES
  /** What it says on stderr; `…` stands for anything. */
  readonly complains?: string
  readonly status?: number
  readonly note?: string
  /** Files on which the words of the text, not the tool, would make another result. */
  readonly except?: readonly string[]
}

const lines = (text: string): string[] => text.split('\n').slice(0, -1)
const joined = (words: readonly unknown[], by: string): string => `${words.join(by)}\n`
const firstLine = (text: string): string => `${lines(text)[0]}\n`
const lastLine = (text: string): string => `${lines(text).at(-1)}\n`
const reversed = (text: string): string => joined(lines(text).reverse(), '\n')
const countLines = (text: string): string => `${lines(text).length}\n`
const countBytes = (text: string): string => `${text.length}\n`
const twoBytes = (text: string): string => text.slice(0, 2)
const doubled = (text: string): string => text.replaceAll(/.+\n/g, '$&$&')
const onOneLine = (text: string): string => joined(lines(text), ' ')
const nothing = (): string => ''

const block = { prints: firstLine, takes: 'block' } as const
const exactly = { prints: firstLine, takes: 'printed' } as const
const bySize = { prints: nothing, takes: 'nothing', note: 'goes by the size, 0' } as const
const readLine = 'read -r x < FILE; echo "$x"'
const readLines = 'while read -r x; do echo "$x"; done < FILE'
const substitute = 'x=$(<FILE); echo "$x"'

const tools: readonly Reader[] = [
  { run: 'cat FILE' },
  { run: 'cat < FILE' },
  { run: 'busybox cat FILE' },
  { run: 'busybox cat FILE | sort', note: 'its sendfile(2) is refused, and it reads' },
  { run: 'tail -n 1 FILE', prints: lastLine },
  { run: 'busybox tail -n 1 FILE', prints: lastLine },
  { run: 'tail -c 4 FILE', prints: (text) => text.slice(-4) },
  { run: 'tail -c +2 FILE', prints: (text) => text.slice(1) },
  { run: 'head -n -1 FILE', prints: (text) => text.slice(0, -lastLine(text).length) },
  { run: 'tac FILE', prints: reversed },
  { run: 'wc -l < FILE', prints: countLines },
  { run: 'wc -c < FILE', prints: countBytes },
  { run: 'busybox wc -c < FILE', prints: countBytes },
  { run: 'sort -r FILE', prints: reversed },
  { run: 'busybox sort -r FILE', prints: reversed },
  { run: 'tr a-z A-Z < FILE', prints: (text) => text.toUpperCase() },
  { run: "grep -c '' FILE", prints: countLines },
  { run: "busybox grep -c '' FILE", prints: countLines },
  { run: "grep -r '' FILE" },
  { run: 'sed p FILE', prints: doubled },
  { run: 'busybox sed p FILE', prints: doubled },
  { run: "awk '{print}' FILE" },
  { run: "busybox awk '{print}' FILE" },
  { run: 'xargs < FILE', prints: onOneLine, except: ['ctl'] },
  { run: 'xargs -a FILE', prints: onOneLine, except: ['ctl'] },
  { run: 'tee ~/copy < FILE' },
  { run: 'dd if=FILE status=none' },
  { run: 'dd if=FILE bs=1M status=none' },
  { run: 'busybox dd if=FILE 2> /dev/null' },
  { run: 'cp FILE ~/copy; cat ~/copy' },
  { run: 'cp -p FILE ~/copy; cat ~/copy' },
  { run: 'busybox cp FILE ~/copy; cat ~/copy' },
  { run: 'install FILE ~/copy; cat ~/copy' },
  {
    run: 'mv FILE ~/copy; cat ~/copy',
    complains: "mv: cannot remove 'FILE': Operation not permitted",
    note: 'it copies, and then can remove nothing',
  },
  { run: 'diff FILE /dev/null | grep -c ^\\<', prints: countLines },
  {
    run: 'gzip -c FILE | gunzip',
    complains: 'gzip: FILE: file size changed while zipping',
    note: 'what it makes is whole',
  },
  { run: 'less FILE | cat' },
  { run: '{ head -n 1; cat; } < FILE', note: '`head` seeks back over what it read too much' },
  { run: 'head -n 1 FILE', ...block },
  { run: 'busybox head -n 1 FILE', ...block },
  { run: 'sed 1q FILE', ...block },
  { run: 'grep -m 1 . FILE', ...block },
  { run: 'grep -q . FILE', prints: nothing, takes: 'block' },
  { run: 'head -c 2 FILE', prints: twoBytes, takes: 'printed' },
  { run: 'busybox head -c 2 FILE', prints: twoBytes, takes: 'block' },
  { run: 'dd if=FILE bs=1 count=2 status=none', prints: twoBytes, takes: 'printed' },
  { run: 'cmp -s FILE ~/text', ...bySize, status: 1 },
  { run: 'test -s FILE', ...bySize, status: 1 },
  { run: 'tar -cf ~/t FILE; tar -xOf ~/t', ...bySize },
  { run: 'busybox tar -cf ~/t FILE; tar -xOf ~/t', ...bySize },
  { run: 'rsync FILE ~/copy; cat ~/copy', ...bySize },
]

const shells: readonly Reader[] = [
  { shell: 'bash', run: readLine, ...block, note: 'for line after line keep the file open' },
  { shell: 'dash', run: readLine, ...exactly },
  { shell: 'zsh', run: readLine, ...exactly },
  { shell: 'busybox sh', run: readLine, ...exactly },
  { shell: 'fish', run: 'read x < FILE; echo $x', ...block },
  { shell: 'bash', run: readLines },
  { shell: 'dash', run: readLines },
  { shell: 'zsh', run: readLines },
  { shell: 'busybox sh', run: readLines },
  { shell: 'fish', run: 'while read x; echo $x; end < FILE' },
  {
    shell: 'dash',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
    run: 'while x=$(dd bs=4 count=1 status=none; echo .) && [ "$x" != . ]; do printf %s "${x%.}"; done < FILE',
    note: 'a loop over blocks',
  },
  { shell: 'bash', run: '{ read -r x; cat; } < FILE', prints: (text) => text.slice(firstLine(text).length) },
  { shell: 'bash', run: 'mapfile -d "" x < FILE; printf %s "$x"' },
  { shell: 'bash', run: substitute },
  { shell: 'zsh', run: substitute },
  { shell: 'fish', run: 'set x (cat FILE); printf "%s\\n" $x' },
  {
    shell: 'dash',
    run: substitute,
    prints: () => '\n',
    takes: 'nothing',
    note: 'has no `$(<FILE)`: use `$(cat FILE)`',
  },
  { shell: 'bash', run: '. ./FILE', ...bySize },
]

type Rest = Omit<Reader, 'run'>

const python = (script: string, rest: Rest = {}): Reader => ({
  run: `python3 -c '${script}'`,
  program: { language: 'Python', script },
  ...rest,
})
const perl = (script: string, rest: Rest = {}): Reader => ({
  run: `perl -e '${script}'`,
  program: { language: 'Perl', script },
  ...rest,
})
const node = (script: string, rest: Rest = {}): Reader => ({
  run: `node -e '${script}'`,
  program: { language: 'Node', script },
  ...rest,
})

const programs: readonly Reader[] = [
  python('print(open("FILE").read(), end="")'),
  python('for line in open("FILE"): print(line, end="")'),
  python('print(open("FILE").readline(), end="")', block),
  python('print(open("FILE", "rb", 0).readline().decode(), end="")', exactly),
  python('import os; os.write(1, os.read(os.open("FILE", os.O_RDONLY), 2))', {
    prints: twoBytes,
    takes: 'printed',
  }),
  python('import pathlib; print(pathlib.Path("FILE").read_text(), end="")'),
  python('import os, shutil; shutil.copyfile("FILE", os.environ["HOME"]+"/copy"); os.system("cat ~/copy")', {
    note: 'its sendfile(2) is refused, and it reads',
  }),
  python('import subprocess; subprocess.run(["cat"], stdin=open("FILE"))'),
  perl('open F, "FILE"; print <F>'),
  perl('open F, "FILE"; print scalar <F>', block),
  perl('open F, "FILE"; sysread F, $x, 2; print $x', { prints: twoBytes, takes: 'printed' }),
  node('process.stdout.write(fs.readFileSync("FILE", "utf8"))'),
  node('fs.promises.readFile("FILE").then((data) => process.stdout.write(data))'),
  node('fs.createReadStream("FILE").pipe(process.stdout)'),
  node(
    'fs.promises.open("FILE").then(async (file) => { for await (const x of file.readLines()) console.log(x) })',
  ),
  node(
    'fs.copyFileSync("FILE", os.homedir()+"/copy"); process.stdout.write(fs.readFileSync(os.homedir()+"/copy"))',
    bySize,
  ),
]

export const readers = { tools, shells, programs } as const

export const readersTable = (rows: readonly Reader[]): string =>
  table(
    ['command', 'prints', 'takes', ''],
    rows.map(({ prints, takes = 'all', complains, note, ...use }) => [
      command(use),
      prints ? code(prints(TEXT)) : 'all',
      TAKES[takes],
      remarks(complains && `says ${code(complains)}`, note),
    ]),
  )
