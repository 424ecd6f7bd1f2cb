#!/bin/sh
# gpu_day.sh ROOT SCRATCH: where there is no GPU, benchmarks/gpu_day.sh must say so, fail, and write nothing.
set -eu
root=$1 scratch=$2
rm -rf "$scratch"
mkdir -p "$scratch/copy/benchmarks" "$scratch/copy/docs" "$scratch/bin"
cp "$root/benchmarks/gpu_day.sh" "$scratch/copy/benchmarks/"
for tool in sh dirname readlink date mkdir; do ln -s "$(command -v $tool)" "$scratch/bin/$tool"; done

# refuses TEXT ARGUMENTS...: fails with that text, and no report or build folder appears.
refuses() {
  text=$1
  shift
  code=0
  PATH="$scratch/bin" "$scratch/copy/benchmarks/gpu_day.sh" "$@" >"$scratch/out" 2>"$scratch/err" || code=$?
  if [ "$code" != 1 ] || ! grep -qF -- "$text" "$scratch/err" || [ -s "$scratch/out" ] ||
    [ -e "$scratch/copy/build" ] || [ -n "$(ls "$scratch/copy/docs")" ]; then
    echo "gpu_day: exit code $code, expected 1 and the text: $text" >&2
    cat "$scratch/err" >&2
    exit 1
  fi
}
refuses 'there is no GPU here: nvidia-smi is not installed'
printf '#!/bin/sh\nexit 0\n' >"$scratch/bin/nvidia-smi"
chmod +x "$scratch/bin/nvidia-smi"
refuses 'there is no GPU here: nvidia-smi lists none'
printf '#!/bin/sh\necho "No devices were found"; exit 6\n' >"$scratch/bin/nvidia-smi"
refuses 'there is no GPU here: nvidia-smi says: No devices were found'
refuses "unknown argument 'now'" now
