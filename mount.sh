#!/bin/sh
# Serves and mounts the tree: installs and builds what is missing, starts a server, and stops it on Ctrl-C.
#   ./mount.sh [DIR] [OPTION]...      DIR: /circuit for root, ~/circuit for others; options of `circuit start`
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
fail() {
  echo "mount.sh: $*" >&2
  exit 1
}

case ${1-} in
  '' | -*) ;;
  /*) dir=$1 && shift ;;
  *) dir=$PWD/$1 && shift ;;
esac

command -v node >/dev/null || fail 'needs Node.js 20 or newer (Debian: apt install nodejs npm, or https://nodejs.org)'
[ "$(node -p 'process.versions.node.split(".")[0] >= 20')" = true ] || fail "needs Node.js 20 or newer; this is $(node -v)"

cd "$here"
# Whether all that package-lock.json names is there, in its version.
installed() {
  node -e '
    const read = (file) => JSON.parse(require("fs").readFileSync(file)).packages
    const have = read("node_modules/.package-lock.json")
    const wanted = Object.entries(read("package-lock.json")).filter(([path, { optional }]) => path && !optional)
    process.exit(wanted.every(([path, { version }]) => have[path]?.version === version) ? 0 : 1)' 2>/dev/null
}

if ! installed; then
  echo 'mount.sh: installing what the build needs (once)' >&2
  npm ci --silent --no-fund --no-audit || fail 'npm ci failed; see above'
fi
{ scripts/generate-protobuf.sh && node_modules/.bin/tsc -p tsconfig.json; } || fail 'the build failed; see above'

exec node dist/src/cli/main.js start ${dir+--mount "$dir"} "$@"
