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

# The tests on a cluster, and those of metrics, want these besides, and say so in one line where they are missing.
lacking=""
for program in runc iptables docker-registry; do
  command -v "$program" >/dev/null 2>&1 || lacking="$lacking $program"
done
[ -x /usr/lib/cni/bridge ] || lacking="$lacking containernetworking-plugins"
command -v promtool >/dev/null 2>&1 && command -v prometheus >/dev/null 2>&1 || lacking="$lacking prometheus"
if [ -n "$lacking" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  say "for the test cluster and metrics: apt-get install$lacking"
  # The tests start what they want; services of the machine are not wanted, now or when it starts again. A policy that
  # is there already is the machine's own, and stays.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  fi
  # shellcheck disable=SC2086 # one word for each package
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $lacking >/dev/null
  if command -v systemctl >/dev/null 2>&1; then
    for service in docker-registry prometheus; do systemctl disable --now "$service" >/dev/null 2>&1 || true; done
  fi
elif [ -n "$lacking" ]; then
  say "tests on a cluster will not run: they need root, and$lacking of Debian 12 or later"
fi
want=$(sed -n 's/^go \(.*\)/\1/p' "$(dirname "$0")/cluster/go.mod")
have=$(go env GOVERSION 2>/dev/null | sed 's/^go//')
if [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" != "$want" ]; then
  say "tests on a cluster will not run: they need Go $want or later, here is ${have:-none}"
fi
