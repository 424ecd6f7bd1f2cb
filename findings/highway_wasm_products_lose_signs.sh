#!/bin/sh
# On WebAssembly, Highway's widening product of signed numbers takes them for numbers without a sign.
#
# Highway 1.0.3, as Debian 12 ships it (libhwy-dev 1.0.3-3+deb12u1), compiled by clang (ziglang
# 0.14.1) and run by wasmtime 50.0.1: MulEven of int32_t masks the upper halves with zeros, so a
# negative factor counts as 2^32 more than it is. Both factors non-negative: right. The same lines
# compiled for x86-64 are right with any signs. Code that is tested on x86 alone (sums of 8-bit
# products, multiplying by an inverse modulo 2^32) gives other images in a browser, and no error.
# Upstream mended it later (google/highway#1637).
#
# Seen:
#   native  -3 * 7 = -21           5 * -2 = -10           5 * 7 = 35
#   wasm    -3 * 7 = 30064771051   5 * -2 = 21474836470   5 * 7 = 35
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip -q install --no-compile ziglang==0.14.1 wasmtime==50.0.1
apt-get -qq download libhwy-dev=1.0.3-3+deb12u1 2> apt.txt || { cat apt.txt; exit 1; }
dpkg -x libhwy-dev_*.deb hwy
cat > products.cpp <<'CPP'
#include <hwy/highway.h>

#include <cstdio>

namespace hn = hwy::HWY_NAMESPACE;

long long product(int32_t a, int32_t b) {
  const hn::FixedTag<int32_t, 4> d;
  alignas(16) int64_t even[2];
  hn::Store(hn::MulEven(hn::Set(d, a), hn::Set(d, b)), hn::FixedTag<int64_t, 2>(), even);
  return even[0];
}

int main() {
  std::printf("-3 * 7 = %-13lld 5 * -2 = %-13lld 5 * 7 = %lld\n", product(-3, 7), product(5, -2),
              product(5, 7));
}
CPP
cat > run.py <<'PYTHON'
import wasmtime

engine = wasmtime.Engine()
linker, store = wasmtime.Linker(engine), wasmtime.Store(engine)
linker.define_wasi()
config = wasmtime.WasiConfig()
config.stdout_file = "wasm.txt"
store.set_wasi(config)
program = linker.instantiate(store, wasmtime.Module.from_file(engine, "products.wasm"))
try:
    program.exports(store)["_start"](store)
except wasmtime.ExitTrap as end:
    assert end.code == 0
PYTHON
export ZIG_GLOBAL_CACHE_DIR="$dir/cache" ZIG_LOCAL_CACHE_DIR="$dir/cache"
compile() {
  venv/bin/python -m ziglang c++ -O1 -DHWY_COMPILE_ONLY_STATIC -Ihwy/usr/include products.cpp "$@" \
    > compile.txt 2>&1 || { cat compile.txt; exit 1; }
}
compile -o products
compile -target wasm32-wasi -msimd128 -o products.wasm
./products > native.txt
venv/bin/python run.py
for kind in native wasm; do printf '%-7s %s\n' "$kind" "$(cat $kind.txt)"; done
grep -qF -e '-3 * 7 = -21 ' native.txt
grep -qF '5 * -2 = -10 ' native.txt
grep -qF -e '-3 * 7 = 30064771051' wasm.txt || { echo 'the behaviour has changed'; exit 1; }
grep -qF '5 * 7 = 35' wasm.txt
