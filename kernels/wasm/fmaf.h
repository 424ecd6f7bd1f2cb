// Puts fma.h in the place of the compiler's own word for fmaf, by which Emscripten's std::fma would
// call the C library. The build for WebAssembly includes this in front of every kernel.
#pragma once
#include "kernels/wasm/fma.h"

#define __builtin_fmaf(a, b, c) ::gsx::kernels::wasm::fma(a, b, c)
