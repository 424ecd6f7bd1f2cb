#!/bin/sh
# script.sh ROOT WORK: runs the root's gsx script with every outside program replaced by a recorder,
# in a folder with a space in its name, and checks what it calls and says.
set -eu
root=$1 work=$2
rm -rf "$work"
mkdir -p "$work/a clone" "$work/bin"
cp "$root/gsx" "$root/CMakePresets.json" "$work/a clone/"
script="$work/a clone/gsx"
calls=$work/calls

# recorder NAME: a program that notes its arguments and does what $work/NAME.does says.
recorder() {
  printf '#!/bin/sh\necho "%s $*" >>"%s"\n[ ! -f "%s" ] || . "%s"\n' \
    "$1" "$calls" "$work/$1.does" "$work/$1.does" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
for name in id sudo dpkg-query apt-get cmake ninja ctest ccache; do recorder "$name"; done

# call EXIT_CODE ARGUMENTS...: runs the script elsewhere; its outputs go to $work/out and $work/err.
call() {
  want=$1
  shift
  : >"$calls"
  code=0
  (cd / && PATH="$work/bin:$PATH" "$script" "$@" >"$work/out" 2>"$work/err" </dev/null) || code=$?
  [ "$code" = "$want" ] || wrong "exit code $code, expected $want, of: gsx $*"
}
wrong() {
  echo "script: $*" >&2
  sed 's/^/  err: /' "$work/err" >&2
  sed 's/^/  call: /' "$calls" >&2
  exit 1
}
says() { grep -qF -- "$2" "$work/$1" || wrong "$1 has no line with: $2"; }
silent() { [ ! -s "$work/$1" ] || wrong "$1 is not empty"; }
called() { grep -qF -- "$1" "$calls" || wrong "no call of: $1"; }
not_called() { if grep -q "^$1" "$calls"; then wrong "called $1"; fi; }

# Packages missing, no way to install them: they are named.
echo 'echo 1000' >"$work/id.does"
echo 'exit 1' >"$work/sudo.does"
echo 'case $* in *libhwy-dev | *catch2) exit 1 ;; *) echo "install ok installed" ;; esac' \
  >"$work/dpkg-query.does"
call 1 info
says err 'missing: libhwy-dev catch2; as root run: apt-get install libhwy-dev catch2'
not_called apt-get
not_called cmake

# With sudo they are installed; old package lists are renewed.
echo 'case $1 in -n) shift; [ "$1" = true ] || "$@" ;; esac' >"$work/sudo.does"
echo "case \$* in *update*) touch '$work/lists' ;; *) [ -e '$work/lists' ] || exit 100 ;; esac" \
  >"$work/apt-get.does"
echo 'exit 0' >"$work/cmake.does"
echo 'echo "[1/2] one"; printf "#!/bin/sh\necho ran \"\$@\" in \$PWD\n" >"$2/gsx"; chmod +x "$2/gsx"' \
  >"$work/ninja.does"
call 0 info 'two words'
called 'apt-get -q -y install --no-install-recommends libhwy-dev catch2'
called 'apt-get -q -y update'
called 'cmake --preset release -DGSX_UNITY=ON -DCMAKE_CXX_COMPILER_LAUNCHER=ccache'
called 'gsx_program'
says out 'ran info two words in /'
says err 'gsx: installing libhwy-dev catch2'

# A second call only asks ninja.
echo 'echo "ninja: no work to do."' >"$work/ninja.does"
call 0 train
not_called cmake
not_called dpkg-query
silent err
says out 'ran train in /'

# A failing build shows its log.
echo 'echo "[1/9] compiling"; echo "error: no such thing"; exit 1' >"$work/ninja.does"
call 1 info
says err 'error: no such thing'
says err 'gsx: the build failed'
silent out

# Tests: all is built, arguments reach CTest, what was not run is said, cases are counted.
echo 'exit 0' >"$work/ninja.does"
build="$work/a clone/build/release"
mkdir -p "$build/Testing/Temporary"
echo 'data: there is none' >"$build/tests-not-run.txt"
cat >"$build/Testing/Temporary/LastTest.log" <<'LOG'
1/6 Testing: kernels
All tests passed (54 assertions in 6 test cases)
Test Passed.
2/6 Testing: house_format
Test Passed.
3/6 Testing: engine
test cases:  9 |  8 passed | 1 failed
Test Failed.
4/6 Testing: cli
Test Failed.
5/6 Testing: info
Test Pass Reason:
Required regular expression found. Regex=[avx2]
6/6 Testing: exact
All tests passed (27 assertions in 3 test cases)
Test Pass Reason:
Required regular expression found. Regex=[All tests passed]
LOG
echo 'exit 8' >"$work/ctest.does"
call 1 test -L unit
called 'all'
called "-L unit"
says out '  data: there is none'
[ "$(tail -n 1 "$work/out")" = '19 passed, 2 failed' ] || wrong "last line: $(tail -n 1 "$work/out")"
