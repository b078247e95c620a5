import {
  allOptions,
  allSpellings,
  type CommandRow,
  DIALLING,
  DIALLING_SPELLINGS,
  type Kind,
  LIST,
  type OptionRow,
  quoted,
  type Table,
  type WordRow,
} from './table.ts'

export function fishCompletion(table: Table): string {
  const rows = allOptions(table)
  const common = rows.filter(({ common }) => common)
  const clients = table.filter(({ options }) => options.some(({ common }) => common)).map(({ name }) => name)
  const withValue = rows.filter(({ value }) => value !== undefined).flatMap(allSpellings)
  return `# Completions of circuit for fish, made by circuit completion fish.

# The command, and the words behind it that are neither options nor their values; fails where a value is expected.
function __circuit_words
    set -l value no
    for word in (commandline -opc)[2..-1]
        if test $value = yes
            set value no
        else if contains -- $word ${withValue.join(' ')}
            set value yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
    test $value = no
end

# Whether an option of these commands may stand here. Behind the name of a program stand the options of that.
function __circuit_in
    set -l words (__circuit_words)
    test (count $words) -gt 0; and contains -- $words[1] $argv; and not string match -q 'run *' -- "$words"
end

# Whether the word at the cursor is the one of this number, or a later one, behind a command.
function __circuit_at -a command first last
    set -l words (__circuit_words); or return
    set -l number (math (count $words) - 1)
    test (count $words) -gt 0; and test $words[1] = $command; and test $number -ge $first; and test $number -le $last
end

# What a client prints that dials the server that the command line names.
function __circuit_ask -a place
    set -l dialling
    set -l tokens (commandline -opc)
    for n in (seq (count $tokens))
        if contains -- $tokens[$n] ${DIALLING_SPELLINGS.join(' ')}
            set -a dialling $tokens[$n]
            string match -qr -- '^--?(${DIALLING.flags.join('|')})$' $tokens[$n]; or set -a dialling $tokens[(math $n + 1)]
        end
    end
    ${LIST} $dialling -- $place 2>/dev/null
end

function __circuit_paths
    set -l typed (commandline -ct)
    string match -qr -- '^(/|$)' $typed; or return
    set -l place (string replace -r -- '[^/]*$' '' "$typed")
    test -n "$place"; or set place /
    # What self and by-name stand for is printed; what was typed is to be completed.
    set -l paths $place(__circuit_ask $place | string replace -r '.*/' '')
    test $place = / -a (count $paths) -gt 0; and set -a paths /by-name /self
    test (count $paths) -gt 0; and printf '%s/\\n' $paths
end

complete -c circuit -f
complete -c circuit -n 'not count (__circuit_words) >/dev/null' -s h -l help -d 'say what it does'
${table.map(({ name, summary }) => `complete -c circuit -n 'not count (__circuit_words) >/dev/null' -a ${name} -d ${quoted(summary)}`).join('\n')}
${common.map((row) => optionLine(clients.join(' '), row)).join('\n')}
${rows.flatMap(oldOption).join('\n')}
${table.flatMap(commandLines).join('\n')}
`
}

function commandLines({ name, options, words }: CommandRow): string[] {
  const own = options.filter(({ common }) => !common)
  return [...own.map((row) => optionLine(name, row)), ...words.flatMap((word, n) => wordLine(name, word, n))]
}

function optionLine(commands: string, { name, short, help, value, kind }: OptionRow): string {
  const spelled = name.length === 1 ? [`-s ${name}`] : [`-l ${name}`]
  if (short !== undefined) spelled.unshift(`-s ${short}`)
  const files = kind.is === 'file' ? '-r' : '-x'
  const argument = value === undefined ? '' : ` ${files}${action(kind)}`
  return `complete -c circuit -n ${quoted(`__circuit_in ${commands}`)} ${spelled.join(' ')}${argument} -d ${quoted(help)}`
}

/** The value of an option in the spelling of the original, which is taken, and not offered. */
function oldOption({ name, value, kind }: OptionRow): string[] {
  if (value === undefined || name.length === 1 || action(kind) === '') return []
  const isBehind = `test (commandline -opc)[-1] = -${name}`
  return [`complete -c circuit -n ${quoted(isBehind)}${action(kind)}`]
}

function wordLine(name: string, { kind, repeated }: WordRow, n: number): string[] {
  const offered = action(kind)
  const last = repeated ? 9999 : n
  return offered === ''
    ? []
    : [`complete -c circuit -n ${quoted(`__circuit_at ${name} ${n} ${last}`)}${offered}`]
}

function action(kind: Kind): string {
  switch (kind.is) {
    case 'path':
      return " -a '(__circuit_paths)'"
    case 'server':
      return ' -a \'(__circuit_ask /by-name | string replace -r ".*/" "")\''
    case 'file':
      return ' -F'
    case 'directory':
      return " -a '(__fish_complete_directories)'"
    case 'program':
      return " -a '(__fish_complete_command)'"
    case 'interface':
      return " -a '(__fish_print_interfaces)'"
    case 'group':
      return " -a '(__fish_complete_groups)'"
    case 'words':
      return ` -a ${quoted(kind.words.join(' '))}`
    case 'unknown':
      return ''
  }
}
