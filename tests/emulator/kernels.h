// The test kernels' launchers, one table per backend; all pointers are device memory.
#pragma once
#include <cstdint>

namespace gsx::kernels {

struct CleanKernels {
  // y[b] = the sum of x[threads * b .. + threads): warps by shuffles, then across warps.
  void (*block_sum)(int blocks, int threads, const float* x, float* y, void* stream);
  // c = a b, all row-major: a m x k, b k x n, c m x n; tiles in shared memory.
  void (*gemm)(int m, int n, int k, const float* a, const float* b, float* c, void* stream);
  // y[i] = x[i] + x[i ^ 4] for i < n, n a multiple of 8, through a three-stage cp.async pipeline.
  void (*pipelined)(int64_t n, const float* x, float* y, void* stream);
  // gemm with m a multiple of 16, n of 8, k of 8, factors rounded to TF32.
  void (*gemm_tf32)(int m, int n, int k, const float* a, const float* b, float* c, void* stream);
  // gemm with m, n, k multiples of 16, factors rounded to BF16, fragments through ldmatrix.
  void (*gemm_bf16)(int m, int n, int k, const float* a, const float* b, float* c, void* stream);
  // One warp: y[32 * i + lane] is the i-th of kWarpValues operations on x[lane].
  void (*warp_values)(const int* x, int* y, void* stream);
};
constexpr int kWarpValues = 14;

namespace emulated {
extern const CleanKernels clean_kernels;
}
namespace cuda {
extern const CleanKernels clean_kernels;
}

}  // namespace gsx::kernels
