#!/bin/sh
# Builds gsx when that is needed, then runs it: ./gsx COMMAND [ARGUMENTS]. ./gsx test [CTEST ARGUMENTS]
# builds and runs the test suite. Missing Debian packages are installed as root or through sudo,
# otherwise named. Everything made here lies in build/release.
set -eu

root=$(dirname -- "$(readlink -f -- "$0")")
build=$root/build/release
stamp=$build/gsx-configured
log=$build/gsx-build.log
packages='g++ cmake ninja-build pkg-config libeigen3-dev libhwy-dev libstb-dev libcli11-dev
nlohmann-json3-dev libexif-dev libjpeg62-turbo-dev libwebp-dev libtiff-dev libtomlplusplus-dev libzip-dev
zlib1g-dev libprotobuf-dev protobuf-compiler libonnx-dev catch2'

say() { printf 'gsx: %s\n' "$*" >&2; }

# fail MESSAGE...: the end of the log, then why we stop.
fail() {
  if [ -s "$log" ]; then tail -n 40 "$log" >&2; fi
  say "$@"
  exit 1
}

# The packages of the list that are not here. A tool counts as here when it can be run.
missing_packages() {
  for package in $packages; do
    case $package in
      g++ | cmake | pkg-config) command -v "$package" >/dev/null && continue ;;
      ninja-build) command -v ninja >/dev/null && continue ;;
    esac
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
      *' installed') ;;
      *) printf ' %s' "$package" ;;
    esac
  done
}

# apt COMMAND...: apt-get with the right to install, its output in the log.
apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >>"$log" 2>&1 </dev/null; }

install_packages() {
  command -v dpkg-query >/dev/null || return 0 # not Debian: CMake names what it misses
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  remedy="run: apt-get install$missing"
  as_root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "these packages are missing:$missing; as root $remedy"
    as_root='sudo -n'
    if ! sudo -n true 2>/dev/null; then
      if ! [ -t 0 ] || ! sudo -v; then
        fail "these packages are missing:$missing; as root $remedy"
      fi
    fi
  fi
  say "installing$missing"
  # Package lists may be absent or older than the archive, so a failure is tried again with new ones.
  apt install --no-install-recommends $missing && return 0
  apt update || fail "the package lists cannot be fetched, and these are missing:$missing"
  apt install --no-install-recommends $missing || fail "packages cannot be installed; $remedy"
}

configure() {
  rm -f "$stamp"
  # A build folder copied from elsewhere still names the old place.
  if [ -f "$build/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    rm -rf "$build"
  fi
  mkdir -p "$build" 2>/dev/null || fail "the folder $build cannot be made"
  { printf '' >"$log"; } 2>/dev/null || fail "the folder $build cannot be written"
  install_packages
  say 'configuring'
  launcher=
  if command -v ccache >/dev/null; then launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
  # From the root, since CMake looks for presets in the current folder.
  (cd "$root" && cmake --preset release -DGSX_UNITY=ON $launcher) >>"$log" 2>&1 || fail 'configuring failed'
  printf '%s\n' "$wanted" >"$stamp"
}

# Shows ninja's lines "[3/80] ..." ("[0/80]" is a check that nothing changed): a counter on a terminal, else one line at the start.
show_progress() {
  shown=
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    case $line in '['[1-9]*/*) ;; *) continue ;; esac
    if [ -t 2 ]; then
      printf '\rgsx: building %s ' "${line%%]*}]" >&2
    elif [ -z "$shown" ]; then
      say 'building; the first time takes minutes'
    fi
    shown=yes
  done
  if [ -n "$shown" ] && [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# build TARGET: a no-op of milliseconds when nothing changed.
build() {
  failed=$build/gsx-build-failed
  rm -f "$failed"
  { printf '' >"$log"; } 2>/dev/null || fail "the folder $build cannot be written"
  { ninja -C "$build" "$1" 2>&1 || : >"$failed"; } | show_progress
  if [ -e "$failed" ]; then fail 'the build failed'; fi
}

# Sums the cases of all Catch2 programs and the other tests, which count one each, from CTest's log.
summarise() {
  awk '
    function close_test() {
      if (open && !counted) { if (ok) passed++; else failed++ }
      else if (open && !ok && !failed_here) failed++
      open = 0
    }
    /^[0-9]+\/[0-9]+ Testing: / { close_test(); open = 1; counted = ok = failed_here = 0 }
    /^No tests ran/ { counted = 1 }
    /^All tests passed \(/ { counted = 1; n = $0; sub(/.* in /, "", n); passed += n + 0 }
    /^test cases: / {
      counted = 1
      count = split($0, part, "|")
      for (i = 2; i <= count; i++) {
        if (part[i] ~ /passed/) passed += part[i] + 0
        if (part[i] ~ /failed/) { failed += part[i] + 0; failed_here = 1 }
      }
    }
    /^Test Passed\.$/ || /^Test Pass Reason:/ { ok = 1 }
    END {
      close_test()
      if (status != 0 && failed == 0) failed = 1
      printf "%d passed, %d failed\n", passed, failed
    }' status="$1" "$build/Testing/Temporary/LastTest.log"
}

run_tests() {
  build all
  exec 9>&-
  status=0
  ctest --test-dir "$build" --output-on-failure --no-tests=error -j "$(nproc)" "$@" || status=$?
  if [ -s "$build/tests-not-run.txt" ]; then
    echo
    echo 'Not run here:'
    sed 's/^/  /' "$build/tests-not-run.txt"
  fi
  echo
  summarise "$status"
  [ "$status" = 0 ] || exit 1
  exit 0
}

# What the configuration depends on besides the CMake files, which ninja watches itself.
wanted="$root data:${GSX_DATA-}"
if [ -e "${GSX_DATA:-$root/../shared/data}/README.md" ]; then wanted="$wanted present"; fi

# Someone else's build, which we may only use.
if [ -x "$build/gsx" ] && ! [ -w "$build" ] && [ "${1-}" != test ]; then
  exec "$build/gsx" "$@"
fi

# Only one of several running at a time may build.
if mkdir -p "$build" 2>/dev/null && [ -w "$root/build" ] && command -v flock >/dev/null; then
  exec 9>"$root/build/gsx-lock"
  flock 9
fi

if ! [ -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ] || [ "$root/gsx" -nt "$stamp" ] ||
  [ "$root/CMakePresets.json" -nt "$stamp" ]; then
  configure
fi
if [ "${1-}" = test ]; then
  shift
  run_tests "$@"
fi
build gsx_program
if [ "${1-}" = bench ]; then build gsx_bench; fi
exec 9>&-
exec "$build/gsx" "$@"
