#!/bin/sh
# Keeps a program running on some other host of the circuit: when that is lost, on the next. It says on which. It ends at
# Ctrl-C, or when its subscription is scrubbed; the program goes on.
#
#   C=/circuit examples/failover.sh NAME PROGRAM [ARGUMENT]...
#   examples/network.sh 4 examples/failover-demo.sh
set -eu
C=${C-${CIRCUIT_MOUNT-/circuit}} name=$1 leaves=$C/self/$1-leaves
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
shift
mkdir "$leaves"
trap 'echo scrub >"$leaves/ctl" || :; rmdir "$leaves"' EXIT
trap 'exit 130' INT TERM
echo mk@leave >"$leaves/ctl" # before anything is started, so that no end is missed

while :; do
  until host=$(printf '%s\n' "$C"/X* | grep -v "$(readlink "$C/self")" | shuf -n 1) &&
    mkdir "$host/$name" && echo "run $*" >"$host/$name/ctl"; do sleep 0.2; done
  echo "$name runs on ${host#"$C"}"
  left=
  until [ "$left" = "${host#"$C"}" ]; do left=$(cat "$leaves/recv"); done
done
