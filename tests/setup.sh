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

# The tests on a cluster want these besides, and say so in one line where they are missing.
lacking=""
for program in runc iptables docker-registry; do
  command -v "$program" >/dev/null 2>&1 || lacking="$lacking $program"
done
[ -x /usr/lib/cni/bridge ] || lacking="$lacking containernetworking-plugins"
if [ -n "$lacking" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  say "for the test cluster: apt-get install$lacking"
  # shellcheck disable=SC2086 # one word for each package
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking >/dev/null
  # A cluster starts a registry of its own; the machine's is not wanted.
  if command -v systemctl >/dev/null 2>&1; then systemctl disable --now docker-registry >/dev/null 2>&1 || true; fi
elif [ -n "$lacking" ]; then
  say "tests on a cluster will not run: they need root, and$lacking of Debian 12 or later"
fi
want=$(sed -n 's/^go \(.*\)/\1/p' "$(dirname "$0")/cluster/go.mod")
have=$(go env GOVERSION 2>/dev/null | sed 's/^go//')
if [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" != "$want" ]; then
  say "tests on a cluster will not run: they need Go $want or later, here is ${have:-none}"
fi
