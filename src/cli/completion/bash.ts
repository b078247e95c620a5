/** Completions for bash. */
import { spell } from '../options.ts'
import {
  allOptions,
  allSpellings,
  type CommandRow,
  DIALLING_SPELLINGS,
  type Kind,
  LIST,
  quoted,
  type Table,
} from './table.ts'

/** Puts what may stand at the cursor into `found`, by its kind. */
const COMPLETERS = `\
_circuit_path() {
  case $cur in '' | /*) ;; *) return ;; esac
  local place=\${cur%/*}/ paths path
  paths=$(${LIST} \${dialling[@]+"\${dialling[@]}"} -- "\${place//\\\\/}" 2>/dev/null)
  [[ $place != / || -z $paths ]] || paths+=$'\\n/by-name\\n/self'
  while IFS= read -r path; do
    [[ -z $path ]] || printf -v path '%s%q/' "$place" "\${path##*/}"
    [[ -z $path || $path != "$cur"* ]] || found+=("$path")
  done <<< "$paths"
}

_circuit_server() {
  _circuit_choose $(${LIST} \${dialling[@]+"\${dialling[@]}"} -- /by-name 2>/dev/null | sed 's/.*\\///')
}

_circuit_choose() {
  local word
  for word; do
    [[ $word != "$cur"* ]] || found+=("$word ")
  done
}`

/** What is below has been typed: finds the command, how many words stand behind it, and what is expected. */
const WALK = `\
  # Bash takes words apart at @ and :, which are put together again.
  for ((i = 0; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $i -gt 0 && $rest != [[:space:]]* ]]; then
      words[\${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    rest=\${rest#*"$word"}
  done
  if [[ $rest == [[:space:]]* || -z $words ]]; then
    cur=\${rest#"\${rest%%[![:space:]]*}"}
  else
    cur=\${words[\${#words[@]} - 1]}$rest
    unset "words[\${#words[@]} - 1]"
  fi`

export function bashCompletion(table: Table): string {
  return `# Completions of circuit for bash, made by circuit completion bash.

${COMPLETERS}

_circuit() {
  local cur= command= expected= word rest=\${COMP_LINE:0:COMP_POINT} i n=0
  local words=() dialling=() found=()
${WALK}
  for ((i = 1; i < \${#words[@]}; i++)); do
    expected=
    word=\${words[i]}
    [[ $command != run || $n -eq 0 ]] || word=word
    case $word in
${optionsWithValues(table)}
      -*) ;;
      *) if [[ -z $command ]]; then command=$word; else n=$((n + 1)); fi ;;
    esac
    case $word in
      ${DIALLING_SPELLINGS.join(' | ')}) dialling+=("$word" \${expected:+"\${words[i + 1]}"}) ;;
    esac
    [[ -z $expected ]] || i=$((i + 1))
  done
  # An option that has its value expects none.
  [[ $i -gt \${#words[@]} ]] || expected=
  if [[ -z $expected && ( $command != run || $n -eq 0 ) ]]; then
    case $cur in -*) expected=option ;; esac
  fi
  [[ -n $expected ]] || expected=$(_circuit_expected "$command" $n)
  case \${words[\${#words[@]} - 1]} in *[\\<\\>]) expected=file ;; esac
  case $cur in *[\\<\\>]*) expected=file ;; esac
  case $expected in
    command) _circuit_choose ${table.map(({ name }) => name).join(' ')} ;;
    option) _circuit_choose $(_circuit_options "$command") ;;
    path) _circuit_path ;;
    server) _circuit_server ;;
    interface) _circuit_choose $(command ls /sys/class/net 2>/dev/null) ;;
    group) _circuit_choose $(compgen -g) ;;
    program) _circuit_choose $(compgen -c -- "$cur") ;;
    file | directory)
      # Readline does that itself, and puts quotes where they are needed.
      compopt -o default +o nospace 2>/dev/null || found=($(compgen -f -- "$cur")) ;;
    unknown) ;;
    *) _circuit_choose $expected ;;
  esac
  # Readline replaces what stands behind the last break, which it keeps where it is an @.
  word=\${cur%"\${cur##*["$COMP_WORDBREAKS"]}"}
  COMPREPLY=(\${found[@]+"\${found[@]#"\${word%@}"}"})
}

# What the word is that follows a command and so many words: path, file, …, or the words that it may be.
_circuit_expected() {
  case "$1 $2" in
    ' 0') echo command ;;
${table.flatMap(wordLines).join('\n')}
  esac
}

_circuit_options() {
  case $1 in
${table.map(optionLine).join('\n')}
  esac
}

complete -o nospace -F _circuit circuit
`
}

function optionsWithValues(table: Table): string {
  return allOptions(table)
    .filter(({ value }) => value !== undefined)
    .map((row) => `      ${allSpellings(row).join(' | ')}) expected=${expected(row.kind)} ;;`)
    .join('\n')
}

const expected = (kind: Kind): string => (kind.is === 'words' ? quoted(kind.words.join(' ')) : kind.is)

const wordLines = ({ name, words }: CommandRow): string[] =>
  words.map(({ kind, repeated }, n) => `    '${name} '${repeated ? '*' : n}) echo ${expected(kind)} ;;`)

const optionLine = ({ name, options }: CommandRow): string =>
  `    ${name}) echo ${options.map(({ name }) => spell(name)).join(' ')} --help ;;`
