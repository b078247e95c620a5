#!/bin/sh
# The output of one program on all hosts, as it comes, in one stream: a glob finds it, and as it is kept as a log, any
# number of people can read along, each from the beginning.
#
#   examples/network.sh 3 examples/logs.sh          starts a program on every host, and follows it to its end
#   C=/circuit examples/logs.sh NAME                follows the programs in by-name/*/NAME
set -eu
C=${C-/circuit}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }

follow() {
  for output in "$C"/by-name/*/"$1"/stdout; do
    host=${output#"$C/by-name/"}
    sed -u "s|^|${host%%/*}: |" "$output" &
  done
  wait
}

if [ $# -gt 0 ]; then
  follow "$1"
  exit
fi

for host in "$C"/by-name/*; do
  mkdir "$host/ticker"
  # shellcheck disable=SC2016 # for the shell that is started
  echo 'mkproc {"Path":"sh","Args":["-c","for n in 1 2 3; do echo tick $n; sleep 0.2; done"],"Stdout":"log"}' \
    >"$host/ticker/ctl"
done
follow ticker
rmdir "$C"/by-name/*/ticker
