#!/bin/sh
# Everything that only a real GPU can settle, in one go: builds for CUDA, runs the tests' kernels against
# the processor's, looks for races, measures, trains, and writes docs/gpu-DATE.md. Fails at once where
# there is no GPU.
#   benchmarks/gpu_day.sh            on a machine with a CUDA device, nvcc and gsx's own packages
#   benchmarks/gpu_day.sh rehearse BUILD OUT    the same steps on the processor, with what is built in
#                                    BUILD, small, into the folder OUT: shows that the script works
set -u

root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
date=$(date +%Y-%m-%d)
fail() {
  echo "gpu_day: $*" >&2
  exit 1
}

device=cuda build=$root/build/cuda out=$root/build/gpu-day report=$root/docs/gpu-$date.md
size=256 steps=200 samples=10
case ${1-} in
  '')
    command -v nvidia-smi >/dev/null || fail 'there is no GPU here: nvidia-smi is not installed'
    gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader -i 0) ||
      fail "there is no GPU here: nvidia-smi says: $gpu"
    [ -n "$gpu" ] || fail 'there is no GPU here: nvidia-smi lists none'
    ;;
  rehearse)
    [ $# = 3 ] || fail 'expected: gpu_day.sh rehearse BUILD OUT'
    device=cpu build=$(readlink -f -- "$2") out=$3 report=$3/report.md gpu='none: a rehearsal'
    size=32 steps=2 samples=1
    ;;
  *) fail "unknown argument '$1'" ;;
esac
gsx=$build/gsx
mkdir -p "$out" || fail "the folder $out cannot be made"
out=$(readlink -f -- "$out")
failures=0
: >"$out/summary"

# step NAME COMMAND...: runs it, its output in $out/NAME.log, and notes how it went.
step() {
  name=$1
  shift
  echo "gpu_day: $name" >&2
  began=$(date +%s)
  if "$@" >"$out/$name.log" 2>&1; then result=passed; else
    result="FAILED (exit code $?)"
    failures=$((failures + 1))
  fi
  echo "| $name | $result | $(($(date +%s) - began)) s |" >>"$out/summary"
}

compile() {
  (cd "$root" && cmake --preset cuda) && cmake --build "$build"
}

# The cases that run on the emulated device elsewhere, on this one; [data] cases where there are data.
tests_on_device() {
  status=0
  for test in ops golden_ops golden_models golden_gs models gs engine; do
    [ -x "$build/tests/test_$test" ] || continue
    echo "== test_$test"
    GSX_TEST_DEVICE=$device "$build/tests/test_$test" '~[data]' || status=1
  done
  return $status
}

# The same convolutions by cuDNN: what is compared with it below must be right first.
tests_by_cudnn() {
  GSX_TEST_CUDNN=1 GSX_TEST_DEVICE=$device "$build/tests/test_ops" 'conv2d,conv_transpose2d'
}

# Gram matrices and linear layers by cuBLAS.
tests_by_cublas() {
  GSX_TEST_CUBLAS=1 GSX_TEST_DEVICE=$device "$build/tests/test_ops" 'linear,gram'
}

# by_library NAME OPTION TESTS...: unless the library is not here.
by_library() {
  library=$1 option=$2
  shift 2
  why=$("$gsx" bench infer --model cyclegan --width 4 --size 32 --samples 1 --device $device \
    "$option" "$library" 2>&1 >/dev/null) || true
  case $why in
    *"$library: loading"*) echo "| $library | not here: $why | |" >>"$out/summary" ;;
    *) step "$library-against-the-processor" "$@" ;;
  esac
}

sanitize() {
  tool=$1
  shift
  compute-sanitizer --tool "$tool" --error-exitcode 9 "$@"
}

measure() { # NAME ARGUMENTS...: as a table and as JSON
  name=$1
  shift
  step "$name" "$gsx" bench "$@" --device $device --samples $samples
  "$gsx" bench "$@" --device $device --samples $samples --json >"$out/$name.json" 2>/dev/null
}

train() { # FOLDER: a short run, by the same seed
  rm -rf "$1"
  "$gsx" train --device $device --out "$1" --size 64 --dense-steps $steps --slim-steps $steps \
    --finetune-steps $steps --rho 0.01 --seed 1
}

train_twice() {
  train "$out/run-1" && train "$out/run-2" &&
    cmp "$out/run-1/model.safetensors" "$out/run-2/model.safetensors" &&
    echo 'both runs made the same model, bit for bit'
}

[ $device = cpu ] || step build compile
[ -x "$gsx" ] || fail "gsx was not built; see $out/build.log"
step info "$gsx" info
[ $device = cpu ] || step suite ctest --test-dir "$build" --output-on-failure -LE house
if [ $device = cuda ]; then
  step kernels-against-the-processor tests_on_device
  by_library cudnn --conv-provider tests_by_cudnn
  by_library cublas --gemm-provider tests_by_cublas
  if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck synccheck initcheck; do
      GSX_TEST_DEVICE=$device step "sanitizer-$tool" sanitize $tool "$build/tests/test_ops" '~[data]'
    done
  else
    echo '| compute-sanitizer | not here | |' >>"$out/summary"
  fi
fi
maths=fp32
[ $device = cpu ] || maths='fp32 tf32 bf16'
for math in $maths; do
  measure "conv-$math" conv --size $size --math $math
  measure "gram-$math" gram --size $size --math $math
  measure "step-$math" step --model cyclegan --size $size --math $math
done
measure norm norm --size $size
measure quant quant --size $size
measure linear linear
measure linear-batch-16 linear --batch 16
measure step-dense step --model cyclegan --size $size --method dense
measure step-fast-style step --model fast_style --size $size
measure infer infer --model cyclegan --size $size
[ $device = cpu ] || step static-profile "$gsx" bench --static
step train-twice train_twice

{
  echo "# A day on a GPU: $date"
  echo
  echo "GPU: $gpu"
  echo
  echo "Commit: $(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown). Written by"
  echo '`benchmarks/gpu_day.sh`; every number was measured in this run.'
  echo
  echo '| step | result | time |'
  echo '|---|---|---|'
  cat "$out/summary"
  for log in "$out"/*.log; do
    echo
    echo "## $(basename "$log" .log)"
    echo
    echo '```'
    case $log in
      */build.log | */suite.log | */kernels* | */sanitizer* | */train*) tail -n 15 "$log" ;;
      *) cat "$log" ;;
    esac
    echo '```'
  done
} | sed "s|$root|.|g" >"$report" || fail "the report $report cannot be written"
echo "gpu_day: $report" >&2
[ $failures = 0 ] || fail "$failures steps failed; see the report"
