#!/usr/bin/env bash
# Builds every guest and puts the finished files into plugins/dist. Quick when nothing has changed.
#
# WHARF_GUEST_TARGET   cargo's target folder for guests; default plugins/target/guest. Not the host crates' own: the
#                      compiler differs.
set -euo pipefail
cd "$(dirname "$0")"

tasks="weather-extract weather-clean weather-summarize weather-chart"
tests="noop"
commands=""

RUSTC=$(./toolchain.sh)
export RUSTC CARGO_TARGET_DIR=${WHARF_GUEST_TARGET:-$PWD/target/guest}
mkdir -p dist

# place FILE NAME: copies what has changed, so that times of files mean something.
place() {
  cmp -s "$1" "dist/$2.wasm" || cp "$1" "dist/$2.wasm"
  printf '%-24s %8d bytes\n' "$2.wasm" "$(stat -c %s "dist/$2.wasm")"
}

cargo build --quiet --locked --release --target wasm32-wasip2 --workspace
for name in $tasks $tests; do place "$CARGO_TARGET_DIR/wasm32-wasip2/release/${name//-/_}.wasm" "$name"; done
for name in $commands; do place "$CARGO_TARGET_DIR/wasm32-wasip2/release/$name.wasm" "$name"; done
