#!/bin/sh
# Keeps a program running on some other host of the circuit: when that is lost, on the next. It says on which.
#
#   C=/circuit examples/failover.sh NAME PROGRAM [ARGUMENT]...
#   examples/network.sh 4 examples/failover-demo.sh
set -eu
C=${C-/circuit} name=$1 leaves=$C/self/$1-leaves
shift
mkdir "$leaves"
trap 'echo scrub >"$leaves/ctl"; rmdir "$leaves"' EXIT
trap 'exit 130' INT TERM
echo mk@leave >"$leaves/ctl" # before anything is started, so that no end is missed

while :; do
  until host=$(printf '%s\n' "$C"/X* | grep -v "$(readlink "$C/self")" | shuf -n 1) &&
    mkdir "$host/$name" && echo "run $*" >"$host/$name/ctl"; do sleep 0.2; done
  echo "$name runs on ${host#"$C"}"
  until [ "$(cat "$leaves/recv")" = "${host#"$C"}" ]; do :; done
done
