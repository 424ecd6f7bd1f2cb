// The loop of products whose operands come by asynchronous copies: several slices are under way
// while one is multiplied.
#pragma once
#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND::convolution {

// product += the slices of a times those of b, `steps` of them. shared.a and shared.b are the rings
// of slices; copy_slice(source, slice) starts the copies of a source's next slice.
template <class SourceA, class SourceB, class Shared, class Product>
__device__ void multiply_async(int steps, SourceA& a, SourceB& b, Shared& shared,
                               Product& product) {
  constexpr int kStages = sizeof(shared.a) / sizeof(shared.a[0]);
#pragma unroll
  for (int s = 0; s < kStages - 1; ++s) {
    if (s < steps) {
      copy_slice(a, shared.a[s]);
      copy_slice(b, shared.b[s]);
    }
    gpu::cp_async_commit();
  }
  int reading = 0, writing = kStages - 1;
  for (int step = 0; step < steps; ++step) {
    gpu::cp_async_wait<kStages - 2>();
    __syncthreads();  // slice `step` is there, and nobody still reads the one before it
    if (step + kStages - 1 < steps) {
      copy_slice(a, shared.a[writing]);
      copy_slice(b, shared.b[writing]);
    }
    gpu::cp_async_commit();
    product.add(shared.a[reading], shared.b[reading]);
    reading = reading + 1 == kStages ? 0 : reading + 1;
    writing = writing + 1 == kStages ? 0 : writing + 1;
  }
}

}  // namespace gsx::kernels::GSX_BACKEND::convolution
