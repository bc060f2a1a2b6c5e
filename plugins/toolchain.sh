#!/usr/bin/env bash
# Prints the rustc that builds guests: one that has the standard library for wasm32-wasip2 and wasm32-wasip1.
#
#   RUSTC=$(plugins/toolchain.sh) cargo build --release --target wasm32-wasip2
#
# In this order: the stock toolchain if it has the targets or rustup can add them; else Debian's rustc-web, its
# sources of the standard library and its wasi-libc, unpacked into a folder of the cache (nothing is installed), with
# the standard library compiled there once. Progress goes to stderr. Quick when all is there.
#
# WHARF_CACHE   where the folder lies; default $XDG_CACHE_HOME/wharf or ~/.cache/wharf
set -euo pipefail

targets="wasm32-wasip2 wasm32-wasip1"
dir=${WHARF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wharf}/wasm-rust
rustc=$dir/rustc
usr=$dir/usr

say() { echo "guest toolchain: $*" >&2; }
die() { say "$*"; exit 1; }

# complete RUSTC: has it the standard library for every target?
complete() {
  local target libdir
  for target in $targets; do
    libdir=$("$1" --print target-libdir --target "$target" 2>/dev/null) || return 1
    compgen -G "$libdir/libstd-*.rlib" >/dev/null || return 1
  done
}

stock=$(rustup which rustc 2>/dev/null || command -v rustc) || die "no rustc on PATH; install Rust from https://rustup.rs"
if complete "$stock"; then echo "$stock"; exit 0; fi
if [ -e "$dir/.ready" ] && complete "$rustc"; then echo "$rustc"; exit 0; fi

if command -v rustup >/dev/null; then
  say "rustup target add $targets"
  # shellcheck disable=SC2086
  timeout 120 rustup --quiet target add $targets >&2 2>/dev/null || true
  if complete "$stock"; then echo "$stock"; exit 0; fi
  say "rustup cannot get them; trying the packages of Debian"
fi

for tool in apt-get apt-cache dpkg flock; do
  command -v $tool >/dev/null || die "no $tool: add the targets yourself (rustup target add $targets)"
done
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
if [ -e "$dir/.ready" ] && complete "$rustc"; then echo "$rustc"; exit 0; fi
find "$dir" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +

# The linkers of rustup's own toolchain serve Debian's rustc too.
host=$("$stock" -vV | sed -n 's/^host: //p')
linkers=$("$stock" --print sysroot)/lib/rustlib/$host/bin
for tool in rust-lld wasm-component-ld; do
  [ -x "$linkers/$tool" ] || die "no $tool in $linkers: the Rust toolchain must come from rustup"
done

known() { apt-cache show "$1" >/dev/null 2>&1; }
if ! { known rustc-web && known rust-web-src && known wasi-libc; }; then
  say "apt-get update"
  apt-get update -qq >&2 || die "apt-get update failed (it needs root): run it, then this again"
  known rustc-web && known rust-web-src && known wasi-libc ||
    die "this distribution has no rustc-web, rust-web-src and wasi-libc: add the targets yourself (rustup target add $targets)"
fi

# depends PACKAGE REGEX: the first of its dependencies whose name is REGEX
depends() { apt-cache depends --important "$1" | sed -n 's/^ *Depends: //p' | grep -E -m1 "^$2\$"; }
runtime=$(depends libstd-rust-web-dev 'libstd-rust-web-[0-9.]+')
llvm=$(depends "$runtime" 'libllvm[0-9]+')
packages="rustc-web libstd-rust-web-dev $runtime $llvm rust-web-src wasi-libc"
say "downloading $packages (about 140 MB)"
mkdir "$dir/debs"
# shellcheck disable=SC2086
(cd "$dir/debs" && apt-get download -qq -o APT::Sandbox::User=root $packages >&2) || die "apt-get download failed"
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir"; done
rm -r "$dir/debs"

# A wrapper, so that only this rustc and what it starts sees Debian's LLVM.
libraries=$(dirname "$(find "$usr/lib" -name 'librustc_driver-*.so' | head -1)")
cat >"$rustc" <<EOF
#!/bin/sh
LD_LIBRARY_PATH=$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec $usr/bin/rustc "\$@"
EOF
chmod +x "$rustc"
ln -sfn "$linkers" "$usr/lib/rustlib/$host/bin"

# The standard library's own dependencies come from the crate registry, pinned by its Cargo.lock. The crates that
# Debian has beside the sources do not serve: its wit-bindgen lacks the objects that wasip2 links.
empty=$dir/empty
mkdir -p "$empty/src"
printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$empty/Cargo.toml"
echo '#![no_std]' >"$empty/src/lib.rs"
for target in $targets; do
  say "compiling the standard library for $target (about a minute)"
  lib=$usr/lib/rustlib/$target/lib
  mkdir -p "$lib/self-contained"
  cp "$usr"/lib/wasm32-wasi/{crt1-command.o,crt1-reactor.o,libc.a} "$lib/self-contained/"
  (
    cd "$empty"
    env -u RUSTC_WRAPPER -u RUSTC_WORKSPACE_WRAPPER -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
      RUSTC="$rustc" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$empty/target" CARGO_INCREMENTAL=0 \
      RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=$usr/lib/rustlib/src/rust=/rustc" \
      cargo build --quiet --release -Zbuild-std=std,panic_abort --target "$target" >&2
  )
  for rlib in "$empty/target/$target/release/deps"/*.rlib; do
    case ${rlib##*/} in libempty-*) ;; *) cp "$rlib" "$lib/" ;; esac
  done
done
rm -rf "$empty" "$usr/src" "$usr/share" "$usr/lib/rustlib/src"
complete "$rustc" || die "the standard library was compiled and is not found in $usr/lib/rustlib"
touch "$dir/.ready"
echo "$rustc"
