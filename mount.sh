#!/bin/sh
# Serves and mounts the tree: installs and builds what is missing, starts a server, and stops it on Ctrl-C.
#   ./mount.sh [DIR] [OPTION]...      DIR: /circuit for root, ~/circuit for others; options of `circuit start`
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

case ${1-} in
  '' | -*) ;;
  /*) dir=$1 && shift ;;
  *) dir=$PWD/$1 && shift ;;
esac

"$here/scripts/build-here.sh"
exec node "$here/dist/src/cli/main.js" start ${dir+--mount "$dir"} "$@"
