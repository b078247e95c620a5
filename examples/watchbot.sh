#!/bin/sh
# A watchbot: a payload that comes back however it ends, and nobody outside who watches over it. Its nucleus, a process on
# some host, waits for the end of the payload, starts a new nucleus somewhere, and ends; that starts a new payload.
#
#   examples/network.sh 4 examples/watchbot.sh      or, on a circuit that you have: C=/circuit examples/watchbot.sh
#
# It kills a payload three times, and shows where the next one lives; then it ends both. A nucleus is this same text: it
# gets it by its stdin and hands it on, so that no host needs a copy.
set -eu
C=${C-${CIRCUIT_MOUNT-/circuit}}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
text=${text-$(cat "$0")}

# Starts a process on a host chosen by chance, and says where: start NAME COMMAND
start() {
  until anchor=$(shuf -n 1 -e "$C"/by-name/*)/$1 && mkdir "$anchor" && echo "run $2" >"$anchor/ctl"; do
    sleep 0.2 # that host was lost just now
  done
  echo "${anchor#"$C"}"
}

# Starts a nucleus: beget NAME GENERATION [PREDECESSOR]
beget() {
  place=$(start "$1-nucleus-$2" "sh -c 'text=\$(cat); eval \"\$text\"' nucleus $1 $2 ${3-}")
  printf '%s\n' "$text" >"$C$place/stdin"
}

# Is a nucleus: live NAME GENERATION [PREDECESSOR]
live() {
  if [ $# -eq 3 ] && cat "$C$3/wait"; then rmdir "$C$3"; fi
  place=$(start "$1-payload-$2" 'sleep 1000')
  # It ends, or is lost with its host.
  if cat "$C$place/wait"; then rmdir "$C$place"; fi
  beget "$1" $(($2 + 1)) "/$(readlink "$C/self")/$1-nucleus-$2"
}

if [ $# -gt 0 ]; then
  live "$@"
  exit
fi

# Awaits a generation, and finds its anchors: meet NAME GENERATION
meet() {
  until grep -q running "$C"/by-name/*/"$1-payload-$2"/peek 2>/dev/null; do sleep 0.1; done
  payload=$(echo "$C"/by-name/*/"$1-payload-$2")
  nucleus=$(echo "$C"/by-name/*/"$1-nucleus-$2")
  echo "generation $2: payload ${payload#"$C"}, nucleus ${nucleus#"$C"}"
}

name=watchbot$$
beget "$name" 1
for generation in 1 2 3; do
  meet "$name" "$generation"
  echo KILL >"$payload/signal"
done
meet "$name" 4
for anchor in "$nucleus" "$payload"; do
  echo KILL >"$anchor/signal"
  echo "${anchor#"$C"} has ended with $(cat "$anchor/wait")"
  rmdir "$anchor"
done
