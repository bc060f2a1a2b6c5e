#!/usr/bin/env bash
# Prints a clang that builds C programs for wasm32-wasip2 into components, by plain `CLANG -O2 x.c -o x.wasm`.
#
# In this order: the one of $WASI_SDK_PATH; else Debian's or Ubuntu's newest clang that has the WebAssembly runtime
# library, and wasi-libc, unpacked into a folder of the cache (nothing is installed), with the linkers of rustup's
# toolchain. Progress goes to stderr. Quick when all is there.
#
# WHARF_CACHE   where the folder lies; default $XDG_CACHE_HOME/wharf or ~/.cache/wharf
set -euo pipefail

dir=${WHARF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wharf}/wasm-c
clang=$dir/clang
usr=$dir/usr

say() { echo "guest toolchain for C: $*" >&2; }
die() { say "$*"; exit 1; }

if [ -n "${WASI_SDK_PATH:-}" ]; then
  clang=$WASI_SDK_PATH/bin/wasm32-wasip2-clang
  [ -x "$clang" ] || die "WASI_SDK_PATH is set, and $clang is not there"
  echo "$clang"
  exit 0
fi
if [ -e "$dir/.ready" ] && [ -x "$clang" ]; then echo "$clang"; exit 0; fi

for tool in apt-get apt-cache dpkg flock rustc; do
  command -v $tool >/dev/null || die "no $tool: install wasi-sdk and set WASI_SDK_PATH"
done
mkdir -p "$dir"
exec 9>"$dir/.lock"
flock 9
if [ -e "$dir/.ready" ] && [ -x "$clang" ]; then echo "$clang"; exit 0; fi
find "$dir" -mindepth 1 -maxdepth 1 ! -name .lock -exec rm -rf {} +

linkers=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
for tool in gcc-ld/wasm-ld wasm-component-ld; do
  [ -x "$linkers/$tool" ] || die "no $tool in $linkers: the Rust toolchain must come from rustup"
done

newest() { apt-cache pkgnames libclang-rt- | sed -n 's/^libclang-rt-\([0-9]*\)-dev-wasm32$/\1/p' | sort -n | tail -1; }
version=$(newest)
if [ -z "$version" ] || ! apt-cache show wasi-libc >/dev/null 2>&1; then
  say "apt-get update"
  apt-get update -qq >&2 || die "apt-get update failed (it needs root): run it, then this again"
  version=$(newest)
  [ -n "$version" ] || die "this distribution has no libclang-rt-*-dev-wasm32: install wasi-sdk and set WASI_SDK_PATH"
fi
llvm=$(apt-cache depends --important "clang-$version" | sed -n 's/^ *Depends: //p' | grep -E -m1 '^libllvm[0-9.]+$')
cpp=$(apt-cache depends --important "clang-$version" | sed -n 's/^ *Depends: //p' | grep -E -m1 '^libclang-cpp[0-9.]+$')
packages="clang-$version $cpp $llvm libclang-common-$version-dev libclang-rt-$version-dev-wasm32 wasi-libc"
say "downloading $packages"
mkdir "$dir/debs"
# shellcheck disable=SC2086
(cd "$dir/debs" && apt-get download -qq -o APT::Sandbox::User=root $packages >&2) || die "apt-get download failed"
for deb in "$dir"/debs/*.deb; do dpkg -x "$deb" "$dir"; done
rm -r "$dir/debs" "$usr/share"

# The packages know the target by its old name.
ln -sfn wasm32-wasi "$usr/lib/wasm32-wasip2"
ln -sfn wasm32-wasi "$usr/include/wasm32-wasip2"
builtins=$(find "$usr" -name 'libclang_rt.builtins-wasm32.a' | head -1)
[ -n "$builtins" ] || die "no libclang_rt.builtins-wasm32.a in libclang-rt-$version-dev-wasm32"
resources=$(dirname "$(find "$usr/lib" -name stddef.h -path '*clang*' | head -1)")/..
mkdir -p "$resources/lib/wasm32-unknown-wasip2"
ln -sfn "$(realpath "$builtins")" "$resources/lib/wasm32-unknown-wasip2/libclang_rt.builtins.a"

libraries=$(dirname "$(find "$usr/lib" -name 'libclang-cpp.so.*' | head -1)"):$(dirname "$(find "$usr/lib" -name 'libLLVM*.so*' | head -1)")
cat >"$clang" <<EOF
#!/bin/sh
PATH=$linkers:$linkers/gcc-ld:\$PATH LD_LIBRARY_PATH=$libraries exec "$(realpath "$usr/lib/llvm-$version/bin/clang")" --target=wasm32-wasip2 --sysroot=$usr -resource-dir "$(realpath "$resources")" "\$@"
EOF
chmod +x "$clang"
touch "$dir/.ready"
echo "$clang"
