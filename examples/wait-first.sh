#!/bin/sh
# Starts five processes on hosts chosen by chance, and goes on when the first of them has ended. The others go on too.
#
#   examples/network.sh 3 examples/wait-first.sh    or, on a circuit that you have: C=/circuit examples/wait-first.sh
set -eu
C=${C-/circuit}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
job=wait-first-$$

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
  echo "run sleep $(((n - 1) * 10)).3" >"$anchor/ctl"
done

# All wait; who is first writes first, and head goes with that. A cat that still waits takes nothing from anybody.
first=$(
  for anchor in "$C"/by-name/*/"$job"-*; do
    { cat "$anchor/wait" >/dev/null 2>&1 && echo "$anchor"; } &
  done | head -n 1
)
echo "${first#"$C"} was the first; of the others run still:"
grep -l running "$C"/by-name/*/"$job"-*/peek | sed "s|^$C||; s|/peek$||"
