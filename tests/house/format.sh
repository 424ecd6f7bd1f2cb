#!/bin/sh
# format.sh ROOT CLANG_FORMAT: fails when a source file is not as clang-format would write it.
set -eu
cd "$1"
find kernels engine models optim gs tools tests benchmarks \
  \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) -print0 2>/dev/null |
  xargs -0 "$2" --dry-run --Werror
