// The processor's peak of fused multiply-adds, the yardstick of the kernels' speed.
#pragma once
#include <cstdint>

namespace gsx::benchmarks {

// Runs 24 * vector width * iterations floating point operations (two per fused multiply-add)
// without touching memory, with the instruction set the kernels use; returns how many.
int64_t fma_work(int64_t iterations);

}  // namespace gsx::benchmarks
