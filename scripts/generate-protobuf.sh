#!/bin/sh
# Makes the code of src/proto/circuit.proto, where it is out of date, and puts it beside what tsc compiles.
set -eu
cd "$(dirname "$0")/.."
made=src/proto/circuit.pb.js
# shellcheck disable=SC3013 # dash, bash and busybox know -nt
if [ ! -e "$made" ] || [ src/proto/circuit.proto -nt "$made" ] || [ package-lock.json -nt "$made" ]; then
  node_modules/.bin/pbjs -t static-module -w esm --dts --no-create --no-verify --no-convert --no-delimited \
    --no-typeurl --no-service -o "$made" src/proto/circuit.proto
fi
mkdir -p dist/src/proto
# Its types are part of those of the library.
cp -p "$made" "${made%.js}.d.ts" dist/src/proto/
