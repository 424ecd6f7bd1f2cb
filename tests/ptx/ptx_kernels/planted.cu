// Kernels with mistakes that the host compiler's code hides; see planted.h. GSX_PLANTED is what
// add() adds, and the build gives nvcc another number than the host compiler.
#include "tests/ptx/ptx_kernels/planted.h"

#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND::planted {

__global__ void add_kernel(float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) y[i] += i == 5 ? static_cast<float>(GSX_PLANTED) : 1.0f;
}
void add(float* y, int n) {
  gpu::launch("planted_add", add_kernel, {(n + 31) / 32}, {32}, 0, nullptr, y, n);
}

__global__ void copy_restricted_kernel(const float* __restrict__ x, float* __restrict__ y) {
  y[threadIdx.x] = x[threadIdx.x] + 1;
}
void copy_restricted(const float* x, float* y) {
  gpu::launch("planted_restricted", copy_restricted_kernel, {1}, {32}, 0, nullptr, x, y);
}

__global__ void write_from_all_blocks_kernel(float* y) {
  if (threadIdx.x == 0) y[0] = 1;
}
void write_from_all_blocks(float* y) {
  gpu::launch("planted_race", write_from_all_blocks_kernel, {2}, {32}, 0, nullptr, y);
}

__global__ void copy_wide_kernel(const float* x, float* y) {
  *reinterpret_cast<int64_t*>(y) = *reinterpret_cast<const int64_t*>(x);
}
void copy_wide(const float* x, float* y) {
  gpu::launch("planted_wide", copy_wide_kernel, {1}, {1}, 0, nullptr, x, y);
}

__global__ void clean_kernel(const float* __restrict__ x, float* __restrict__ y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) y[i] = x[i] / 3 + 1;
}
void clean(const float* x, float* y, int n) {
  gpu::launch("planted_nothing", clean_kernel, {(n + 31) / 32}, {32}, 0, nullptr, x, y, n);
}

}  // namespace gsx::kernels::GSX_BACKEND::planted
