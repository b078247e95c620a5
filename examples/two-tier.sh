#!/bin/sh
# An application of two tiers on two hosts: a Redis, filled by its own client, and a web server in front of it. Neither host
# has files of it: what they need goes there by stdin.
#
#   examples/network.sh 3 examples/two-tier.sh      or, on a circuit that you have, with Redis and Node on its hosts:
#   C=/circuit examples/two-tier.sh
#
# It starts both, asks the web server three times, and takes all away.
set -eu
C=${C-/circuit}
[ -d "$C/by-name" ] || { echo "no circuit on $C: C=MOUNT $0, or examples/network.sh" >&2; exit 1; }
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
hosts=$(shuf -n 2 -e "$C"/X*)
back=$(echo "$hosts" | head -n 1) front=$(echo "$hosts" | tail -n 1)
secret=$(od -A n -t x1 -N 16 /dev/urandom | tr -d ' ')

clean() {
  for anchor in "$front/shop-web" "$back/shop-fill" "$back/shop-db"; do
    [ ! -d "$anchor" ] || { echo kill >"$anchor/ctl"; cat "$anchor/wait"; rmdir "$anchor"; } >/dev/null 2>&1 || :
  done
}
trap clean EXIT
trap 'exit 130' INT TERM

# The address at which other hosts reach this one: address_of HOST
address_of() { sed -n 's|.*"Addr": "circuit://\(.*\):.*|\1|p' "$1/peek"; }
# Waits until a program says something: await ANCHOR WORDS
await() { grep -q -m 1 "$2" "$1/stdout" || { cat "$1/stderr" >&2 && return 1; }; }

# A log is kept of what they say: they run on when nobody reads it.
mkdir "$back/shop-db"
echo 'mkproc {"Path":"redis-server","Args":["-"],"Stdout":"log","Stderr":"log"}' >"$back/shop-db/ctl"
cat >"$back/shop-db/stdin" <<END
bind $(address_of "$back")
port 16379
requirepass $secret
save ""
END
await "$back/shop-db" 'Ready to accept connections'

mkdir "$back/shop-fill"
echo "run redis-cli -h $(address_of "$back") -p 16379" >"$back/shop-fill/ctl"
cat >"$back/shop-fill/stdin" <<END
AUTH $secret
SET greeting "Welcome to the shop"
SET visitors 41
END
[ "$(cat "$back/shop-fill/wait")" = 0 ] || { cat "$back/shop-fill/stderr" >&2 && exit 1; }

mkdir "$front/shop-web"
cat >"$front/shop-web/ctl" <<END
mkproc {"Path": "node", "Args": ["--input-type=module", "-"], "Stdout": "log", "Stderr": "log",
  "Env": ["PATH=$PATH", "ADDRESS=$(address_of "$front")", "REDIS=$(address_of "$back")", "SECRET=$secret"]}
END
cat "$here/two-tier/web.js" >"$front/shop-web/stdin"
await "$front/shop-web" 'listening'

for _ in 1 2 3; do
  curl --silent --show-error --fail --max-time 10 "http://$(address_of "$front"):18080/"
done
