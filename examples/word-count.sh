#!/bin/sh
# The most frequent words of a text, counted by five processes of a circuit: each is an element, cat connects them,
# and a channel carries the result to whoever waits for it.
#
#   C=/circuit examples/word-count.sh TEXT [HOW-MANY]
#   examples/network.sh 1 examples/word-count.sh /usr/share/common-licenses/GPL-3
#
# The same in a plain shell:
#   tr -cs A-Za-z '\n' <TEXT | tr A-Z a-z | grep -v '^$' | sort | uniq -c | sort -k1,1nr -k2 | head -n 10
#
# Every stage could as well live on another host: only the paths would differ.
set -eu

[ $# -ge 1 ] || { echo "usage: C=MOUNT examples/word-count.sh TEXT [HOW-MANY]" >&2; exit 2; }
C=${C-/circuit} text=$1 many=${2-10}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
job=$C/self/word-count-$$
stages=''

# Makes an anchor and runs a program in it: stage NAME COMMAND-LINE
stage() {
  mkdir "$job/$1"
  stages="$stages $1"
  # Not echo: dash's would turn \n into a newline.
  printf 'run %s\n' "$2" >"$job/$1/ctl" || { cat "$job/$1/error" >&2 && exit 1; }
}

# Takes away what was made, whatever happened.
clean() {
  for name in $stages result; do
    if [ -e "$job/$name/wait" ] || [ -e "$job/$name/send" ]; then echo scrub >"$job/$name/ctl"; fi
    [ ! -d "$job/$name" ] || rmdir "$job/$name"
  done
  rmdir "$job"
}

mkdir "$job"
trap clean EXIT

stage split "tr -cs A-Za-z '\\n'"
stage lower 'tr A-Z a-z'
stage words "grep -v '^\$'"
stage sorted 'sort'
stage counted 'uniq -c'
stage ranked 'sort -k1,1nr -k2'

mkdir "$job/result"
echo 'mkchan' >"$job/result/ctl"

# Each stage's output is the whole of the next one's input: the > ends it when cat is done.
cat "$text" >"$job/split/stdin" &
cat "$job/split/stdout" >"$job/lower/stdin" &
cat "$job/lower/stdout" >"$job/words/stdin" &
cat "$job/words/stdout" >"$job/sorted/stdin" &
cat "$job/sorted/stdout" >"$job/counted/stdin" &
cat "$job/counted/stdout" >"$job/ranked/stdin" &

# One message; it waits for its receiver. When that has seen enough, writing the rest is a broken pipe.
cat "$job/ranked/stdout" >"$job/result/send" 2>/dev/null &
head -n "$many" "$job/result/recv"

for name in split lower words sorted counted ranked; do
  status=$(cat "$job/$name/wait")
  [ "$status" = 0 ] || echo "$name ended with status $status" >&2
done
