#!/bin/sh
# Shows failover.sh: kills the server whose host runs the program, twice, and sees where it comes up again.
#
#   examples/network.sh 4 examples/failover-demo.sh
set -eu
C=${C-${CIRCUIT_MOUNT-/circuit}}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
[ "${DISPOSABLE-}" ] || { echo "this kills servers: run it as examples/network.sh 4 $0" >&2; exit 1; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

# The supervisor is a process of the circuit, too.
supervisor=$C/self/supervisor
mkdir "$supervisor"
echo "run $here/failover.sh web sleep 1000" >"$supervisor/ctl"
exec 3<"$supervisor/stdout"

for outage in 1 2; do
  read -r said <&3
  echo "$said"
  server=${said##* }
  # A process that kills the server that runs it, and has no answer from it.
  mkdir "$C$server/outage"
  pid=$(sed -n 's/.*"Pid": \([0-9]*\).*/\1/p' "$C$server/peek")
  echo "run kill -KILL $pid" >"$C$server/outage/ctl" 2>/dev/null || :
  echo "outage $outage: $server is killed"
done
read -r said <&3
echo "$said"

# The program would go on without the supervisor.
server=${said##* }
echo scrub >"$C/self/web-leaves/ctl"
cat "$supervisor/wait" >/dev/null
echo kill >"$C$server/web/ctl"
cat "$C$server/web/wait" >/dev/null
rmdir "$supervisor" "$C$server/web"
