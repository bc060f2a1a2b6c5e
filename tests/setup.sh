#!/bin/sh
# What a fresh Debian or Ubuntu machine with rustup lacks before cargo itself can build here. Quick when all is there.
set -eu

say() { echo "setup: $*" >&2; }

if ! command -v cargo >/dev/null 2>&1; then
  say "no cargo on PATH. Install rustup (Debian: apt-get install rustup), open a new shell, and start again."
  exit 1
fi
if ! command -v cc >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ]; then
    say "no C compiler: apt-get install build-essential"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq build-essential >/dev/null
  else
    say "no C compiler. Run: sudo apt-get install build-essential"
    exit 1
  fi
fi
want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
have=$(rustc --version | sed 's/rustc \([0-9.]*\).*/\1/')
if [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" != "$want" ]; then
  say "rustc $have is older than $want. Run: rustup update stable"
  exit 1
fi
