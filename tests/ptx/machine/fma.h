// fma of all lanes at once: one instruction where the processor has it, calls of the library where
// not. The results are the same; tests spend half of their time here.
#pragma once
#include "tests/ptx/machine/program.h"

namespace gsx::ptx {

// d[lane] = a[lane] * b[lane] + c[lane], rounded once, for all 32 lanes; d is another array.
void fused(float* d, const float* a, const float* b, const float* c);
void fused(double* d, const double* a, const double* b, const double* c);

}  // namespace gsx::ptx
