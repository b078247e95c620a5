#!/bin/sh
# Runs a command on a circuit of its own: hosts h1, h2, … on this machine, each a network namespace with a server, all
# joined under one key. When the command ends, or at Ctrl-C, all of it is gone.
#
#   examples/network.sh HOSTS [COMMAND [ARGUMENT]...]      without a command: your shell
#
# The command is on the network of h1, and finds in C the mount of the circuit there; `circuit` is on its PATH.
set -eu

case ${1-} in
  [1-9] | [1-9][0-9]) hosts=$1 && shift ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
esac
[ "$(id -u)" = 0 ] || {
  echo 'examples/network.sh: only root can make network namespaces: sudo examples/network.sh …
Or run an example on a circuit that you have: C=~/circuit examples/wait-all.sh' >&2
  exit 1
}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
"$root/scripts/build-here.sh"
[ $# -gt 0 ] || set -- "${SHELL:-/bin/sh}"

directory=$(mktemp -d)
mkfifo "$directory/held" "$directory/ready"
mkdir "$directory/bin"
printf '#!/bin/sh\nexec node %s/dist/src/cli/main.js "$@"\n' "$root" >"$directory/bin/circuit"
chmod +x "$directory/bin/circuit"

# A session of its own: Ctrl-C is for the command.
TMPDIR=$directory setsid node "$root/dist/test/network/hold.js" "$hosts" \
  <"$directory/held" >"$directory/ready" &
holder=$!

down() {
  exec 3>&-
  wait "$holder" || :
  rm -rf --one-file-system "$directory"
}
trap down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
exec 3>"$directory/held" # open as long as this shell is there

read -r variables <"$directory/ready" || exit 1
eval "$variables"
PATH=$directory/bin:$PATH
# shellcheck disable=SC2154,SC2086 # enter comes with the variables, and is words
$enter "$@" 3>&-
