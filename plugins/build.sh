#!/usr/bin/env bash
# Builds every guest and puts the finished files into plugins/dist. Quick when nothing has changed.
#
# WHARF_GUEST_TARGET   cargo's target folder for guests; default plugins/target/guest. Not the host crates' own: the
#                      compiler differs.
set -euo pipefail
cd "$(dirname "$0")"

tasks="weather-extract weather-clean weather-summarize weather-chart http-get"
tests="noop misbehave connect"
commands="command-rust"

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

# The same program as a core module of preview 1.
cargo build --quiet --locked --release --target wasm32-wasip1 --package command-rust
place "$CARGO_TARGET_DIR/wasm32-wasip1/release/command-rust.wasm" command-rust-wasip1

if clang=$(./toolchain-c.sh); then
  if [ command-c/count.c -nt "$CARGO_TARGET_DIR/command-c.wasm" ]; then
    "$clang" -Oz -s -Wall -Wextra -Werror command-c/count.c -o "$CARGO_TARGET_DIR/command-c.wasm"
  fi
  place "$CARGO_TARGET_DIR/command-c.wasm" command-c
else
  echo "command-c.wasm left out: no C compiler for WebAssembly (see above)" >&2
fi
