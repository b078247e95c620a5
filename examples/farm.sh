#!/bin/sh
# A farm for builds, tests or any jobs: a command whose parts run on whatever host is free.
#
#   examples/network.sh 3 examples/farm.sh                  compiles a small program, and runs it
#   C=/circuit examples/farm.sh make -j 8                   with on-some-host in its recipes: see farm/Makefile
#   C=/circuit examples/farm.sh sh -c 'ls *.log | xargs -P 8 -I{} sh -c "on-some-host gzip <{} >{}.gz"'
#
# A channel is the queue: it holds a ticket for each place that is free, the path of an anchor, PLACES (2) on each host.
set -eu
export C="${C-/circuit}"
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
export TICKETS="$C/self/farm-$$"
programs=$(CDPATH='' cd -- "$(dirname -- "$0")/farm" && pwd)
built=$(mktemp -d)
[ $# -gt 0 ] || set -- make --silent -j 6 -C "$built" -f "$programs/Makefile"

clean() {
  echo scrub >"$TICKETS/ctl"
  rmdir "$TICKETS" "$C"/X*/"farm-$$"-*
  rm -r "$built"
}
mkdir "$TICKETS"
trap clean EXIT
trap 'exit 130' INT TERM

echo 'mkchan 1000' >"$TICKETS/ctl"
for n in $(seq "${PLACES-2}"); do
  for host in "$C"/X*; do
    mkdir "$host/farm-$$-$n"
    echo "$host/farm-$$-$n" >"$TICKETS/send"
  done
done

PATH=$programs:$PATH "$@"

for host in "$C"/by-name/*; do
  echo "${host##*/} did $(grep -c "/farm-$$-.*\"command\":\"run" "$host/log") jobs" >&2
done
