#!/bin/sh
# Starts five processes on hosts chosen by chance, waits for all, and takes them away.
#
#   examples/network.sh 3 examples/wait-all.sh      or, on a circuit that you have: C=/circuit examples/wait-all.sh
set -eu
C=${C-/circuit}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
job=wait-all-$$

clean() {
  for anchor in "$C"/by-name/*/"$job"-*; do
    [ ! -d "$anchor" ] || { echo kill >"$anchor/ctl"; cat "$anchor/wait"; rmdir "$anchor"; } >/dev/null 2>&1 || :
  done
}
trap clean EXIT
trap 'exit 130' INT TERM

for n in 1 2 3 4 5; do
  anchor=$(shuf -n 1 -e "$C"/by-name/*)/$job-$n
  mkdir "$anchor"
  echo "run sleep 0.$n" >"$anchor/ctl"
done

# Each cat blocks in a process of its own until its time has come.
for anchor in "$C"/by-name/*/"$job"-*; do
  { status=$(cat "$anchor/wait") && echo "${anchor#"$C"} has ended with $status"; } &
done
wait
echo 'all have ended'
