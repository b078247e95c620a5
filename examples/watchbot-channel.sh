#!/bin/sh
# A watchbot with a back channel: as in watchbot.sh a nucleus waits for the end of a payload on another host and starts both
# anew elsewhere. Here each reports on a channel that holds three reports: when nobody takes them, it waits, and when the
# channel is closed, it is over.
#
#   examples/network.sh 4 examples/watchbot-channel.sh
#   C=/circuit examples/watchbot-channel.sh         on a circuit that you have, of two hosts or more
#
# On the network of examples/network.sh it also kills a server, with the payload that lives there.
set -eu
C=${C-${CIRCUIT_MOUNT-/circuit}}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
text=${text-$(cat "$0")}

# Starts a process on another host, chosen by chance, and says where: start NAME COMMAND
start() {
  until anchor=$(printf '%s\n' "$C"/X* | grep -v "$(readlink "$C/self")" | shuf -n 1)/$1 &&
    mkdir "$anchor" && echo "run $2" >"$anchor/ctl"; do
    sleep 0.2 # that host was lost just now
  done
  echo "${anchor#"$C"}"
}

# Starts a nucleus: beget CHANNEL GENERATION [PREDECESSOR]
beget() {
  place=$(start "nucleus-$2" "sh -c 'text=\$(cat); eval \"\$text\"' nucleus $1 $2 ${3-}")
  printf '%s\n' "$text" >"$C$place/stdin"
}

# Is a nucleus: live CHANNEL GENERATION [PREDECESSOR]
live() {
  if [ $# -eq 3 ] && cat "$C$3/wait"; then rmdir "$C$3"; fi
  payload=$(start "payload-$2" "sleep $(($2 % 3 ? 0 : 1000)).2") # each third lives until somebody ends it
  if echo "generation $2: $payload" >"$C$1/send"; then
    # It ends, or is lost with its host.
    if cat "$C$payload/wait"; then rmdir "$C$payload"; fi
    beget "$1" $(($2 + 1)) "/$(readlink "$C/self")/nucleus-$2"
  else
    cat "$C$payload/wait" && rmdir "$C$payload"
  fi
}

if [ $# -gt 0 ]; then
  live "$@"
  exit
fi

# Kills a server, through the tree: kill_server /X…
kill_server() {
  mkdir "$C$1/outage"
  pid=$(sed -n 's/.*"Pid": \([0-9]*\).*/\1/p' "$C$1/peek")
  echo "run kill -KILL $pid" >"$C$1/outage/ctl" 2>/dev/null || : # it can't answer
}

channel=/$(readlink "$C/self")/watchbot
mkdir "$C$channel"
echo 'mkchan 3' >"$C$channel/ctl"
beget "$channel" 1
for generation in 1 2 3 4 5 6; do
  report=$(cat "$C$channel/recv")
  echo "$report"
  payload=${report#*: }
  server=${payload%/*}
  if [ "$generation" = 3 ] && [ "${DISPOSABLE-}" ] && [ "$server" != "${channel%/*}" ]; then
    kill_server "$server"
    echo "killed the server $server"
  elif [ $((generation % 3)) = 0 ]; then
    echo KILL >"$C$payload/signal"
    echo "killed $payload"
  fi
done

# What was sent before it is closed is still delivered. Then the last nucleus ends.
echo close >"$C$channel/ctl"
while cat "$C$channel/recv" 2>/dev/null; do :; done
while set -- "$C"/X*/nucleus-* && [ -d "$1" ]; do
  if cat "$1/wait" >/dev/null; then rmdir "$1" || :; fi # or its successor did
done 2>/dev/null
rmdir "$C$channel"
echo over
