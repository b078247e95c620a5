/** Completions for zsh: specifications for _arguments of its completion system. */
import {
  allOptions,
  type CommandRow,
  DIALLING,
  type Kind,
  LIST,
  type OptionRow,
  quoted,
  type Table,
  type WordRow,
} from './table.ts'

export function zshCompletion(table: Table): string {
  const common = allOptions(table).filter(({ common }) => common)
  return `#compdef circuit
# Completions of circuit for zsh, made by circuit completion zsh.

_circuit() {
  local curcontext=$curcontext state line
  local -A opt_args
  local -a client=(
${common.flatMap(optionSpecs).map(line(4)).join('\n')}
  )
  local -a help=('(- *)'{-h,--help}'[say what it does]')
  _arguments -C ':command:_circuit_commands' '*::word:->words' && return
  case $words[1] in
${table.map(commandCase).join('\n')}
  esac
}

_circuit_commands() {
  local -a commands=(
${table.map(({ name, summary }) => line(4)(quoted(`${name}:${summary}`))).join('\n')}
  )
  _describe -t commands command commands
}

# What a client prints that dials the server that the command line names.
_circuit_ask() {
  local option
  local -a dialling
  for option in ${DIALLING.withValue.join(' ')}; do
    for option in --$option -$option; do
      (( ! $+opt_args[$option] )) || dialling+=($option "\${(Q)opt_args[$option]}")
    done
  done
  (( ! $+opt_args[-d] )) || dialling+=(-d "\${(Q)opt_args[-d]}")
  for option in ${DIALLING.flags.join(' ')}; do
    (( ! $+opt_args[--$option] && ! $+opt_args[-$option] )) || dialling+=(--$option)
  done
  ${LIST} $dialling -- "$1" 2>/dev/null
}

_circuit_paths() {
  local typed=\${(Q)PREFIX}
  [[ -z $typed || $typed == /* ]] || return 1
  local place=\${typed%/*}/
  local -a names=(\${\${(f)"$(_circuit_ask $place)"}:t})
  # Nothing, in quotes, is an empty name.
  names=(\${names:#})
  (( $#names )) || return 1
  local -a paths=($place$^names)
  [[ $place != / ]] || paths+=(/by-name /self)
  compadd -q -S / -a paths
}

_circuit_servers() {
  local -a names=(\${\${(f)"$(_circuit_ask /by-name)"}:t})
  compadd -- \${names:#}
}

if [[ $funcstack[1] == _circuit ]]; then _circuit "$@"; else compdef _circuit circuit; fi
`
}

const line =
  (by: number) =>
  (text: string): string =>
    ' '.repeat(by) + text

function commandCase({ name, options, words }: CommandRow): string {
  const own = options.filter(({ common }) => !common).flatMap(optionSpecs)
  const shared = options.some(({ common }) => common) ? ['$client'] : []
  const specs = [...shared, '$help', ...own, ...words.map(wordSpec)]
  // Behind the name of a program stand the options of that.
  const exclusive = name === 'run' ? '-A "-*" ' : ''
  return `    ${name})\n      _arguments -s ${exclusive}${specs.join(' \\\n        ')} ;;`
}

/** An option in all its spellings; that of the original is taken, and not offered. */
function optionSpecs({ name, short, help, value, kind, multiple }: OptionRow): string[] {
  const argument = value === undefined ? '' : `:${escaped(value)}:${action(kind)}`
  const long = name.length === 1 ? `-${name}` : `--${name}`
  const both = short === undefined ? [long] : [`-${short}`, long]
  const old = name.length === 1 ? [] : [quoted(`!-${name}${argument}`)]
  const others = multiple ? '*' : both.length > 1 ? `(${both.join(' ')})` : ''
  return [...both.map((spelled) => quoted(`${others}${spelled}[${escaped(help)}]${argument}`)), ...old]
}

const wordSpec = ({ label, kind, repeated }: WordRow): string =>
  quoted(`${repeated ? '*' : ''}:${escaped(label)}:${action(kind)}`)

const escaped = (text: string): string => text.replaceAll(/[[\]:\\]/g, '\\$&')

function action(kind: Kind): string {
  switch (kind.is) {
    case 'path':
      return '_circuit_paths'
    case 'server':
      return '_circuit_servers'
    case 'file':
      return '_files'
    case 'directory':
      return '_directories'
    case 'program':
      return '_command_names -e'
    case 'interface':
      return '_net_interfaces'
    case 'group':
      return '_groups'
    case 'words':
      return `(${kind.words.join(' ')})`
    case 'unknown':
      return ' '
  }
}
