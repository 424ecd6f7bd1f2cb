// Puts fma.h in the place of the C library's fmaf, inline. The build for WebAssembly includes this
// in front of every kernel and tells the compiler that it does not know fmaf.
#pragma once
#include <math.h>

#include "kernels/wasm/fma.h"

extern "C" [[gnu::always_inline, gnu::gnu_inline]] inline float fmaf(float a, float b, float c) {
  return gsx::kernels::wasm::fma(a, b, c);
}
