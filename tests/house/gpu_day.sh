#!/bin/sh
# gpu_day.sh ROOT WORK: where there is no GPU, benchmarks/gpu_day.sh must say so, fail, and write nothing.
set -eu
root=$1 work=$2
rm -rf "$work"
mkdir -p "$work/root/benchmarks" "$work/root/docs" "$work/bin"
cp "$root/benchmarks/gpu_day.sh" "$work/root/benchmarks/"
for tool in sh dirname readlink date mkdir; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done

# refuses TEXT ARGUMENTS...: fails with that text, and no report or build folder appears.
refuses() {
  text=$1
  shift
  code=0
  PATH="$work/bin" "$work/root/benchmarks/gpu_day.sh" "$@" >"$work/out" 2>"$work/err" || code=$?
  if [ "$code" != 1 ] || ! grep -qF -- "$text" "$work/err" || [ -s "$work/out" ] ||
    [ -e "$work/root/build" ] || [ -n "$(ls "$work/root/docs")" ]; then
    echo "gpu_day: exit code $code, expected 1 and the text: $text" >&2
    cat "$work/err" >&2
    exit 1
  fi
}
refuses 'there is no GPU here: nvidia-smi is not installed'
printf '#!/bin/sh\nexit 0\n' >"$work/bin/nvidia-smi"
chmod +x "$work/bin/nvidia-smi"
refuses 'there is no GPU here: nvidia-smi lists none'
printf '#!/bin/sh\necho "No devices were found"; exit 6\n' >"$work/bin/nvidia-smi"
refuses 'there is no GPU here: nvidia-smi says: No devices were found'
refuses "unknown argument 'now'" now
