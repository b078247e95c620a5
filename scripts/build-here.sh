#!/bin/sh
# Installs what the build needs, where that is not there, and builds what is run from this directory. Costs little when
# all is there. What it does is said on standard error.
set -eu

fail() {
  echo "circuit: $*" >&2
  exit 1
}

command -v node >/dev/null || fail 'needs Node.js 20 or newer (Debian: apt install nodejs npm, or https://nodejs.org)'
[ "$(node -p 'process.versions.node.split(".")[0] >= 20')" = true ] || fail "needs Node.js 20 or newer; this is $(node -v)"

cd "$(dirname -- "$0")/.."
# Whether all that package-lock.json names is there, in its version.
installed() {
  node -e '
    const read = (file) => JSON.parse(require("fs").readFileSync(file)).packages
    const have = read("node_modules/.package-lock.json")
    const wanted = Object.entries(read("package-lock.json")).filter(([path, { optional }]) => path && !optional)
    process.exit(wanted.every(([path, { version }]) => have[path]?.version === version) ? 0 : 1)' 2>/dev/null
}

if ! installed; then
  echo 'circuit: installing what the build and the tests need (once, some 300 MB; it may take a minute or two)' >&2
  npm ci --loglevel=error --no-fund --no-audit >&2 || fail 'npm ci failed; see above'
fi
{ scripts/generate-protobuf.sh && node_modules/.bin/tsc -p tsconfig.json; } >&2 || fail 'the build failed; see above'
