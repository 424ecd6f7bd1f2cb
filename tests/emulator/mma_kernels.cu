// Matrix products by mma, one warp per tile: the plainest use of each fragment layout.
#include "tests/emulator/mma_kernels.h"

#include "gpu.h"

namespace gsx::kernels::GSX_BACKEND {

// A warp makes 16 x 8 of c. Fragments of lane 4 g + t come straight from global memory: of a rows g
// and g + 8, columns t and t + 4; of b rows t and t + 4, column g; of c columns 2 t and 2 t + 1.
__global__ void gemm_tf32_kernel(int n, int k, const float* __restrict__ a,
                                 const float* __restrict__ b, float* __restrict__ c) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  const int row = 16 * blockIdx.y + g, column = 8 * blockIdx.x;
  float sum[4] = {};
  for (int k0 = 0; k0 < k; k0 += 8) {
    const float* left = a + row * k + k0 + t;
    const float* right = b + (k0 + t) * n + column + g;
    const uint32_t fa[4] = {gpu::to_tf32(left[0]), gpu::to_tf32(left[8 * k]), gpu::to_tf32(left[4]),
                            gpu::to_tf32(left[8 * k + 4])};
    const uint32_t fb[2] = {gpu::to_tf32(right[0]), gpu::to_tf32(right[4 * n])};
    gpu::mma_m16n8k8_tf32(sum, fa, fb);
  }
  float* out = c + row * n + column + 2 * t;
  out[0] = sum[0];
  out[1] = sum[1];
  out[8 * n] = sum[2];
  out[8 * n + 1] = sum[3];
}

void gemm_tf32(int m, int n, int k, const float* a, const float* b, float* c, void* stream) {
  gpu::launch("gemm_tf32", gemm_tf32_kernel, {n / 8, m / 16}, {32}, 0, stream, n, k, a, b, c);
}

// Rows of 16 BF16, two to a word.
struct Bf16Shared {
  uint32_t a[16][8], b[16][8];
};

// A warp makes 16 x 16 of c, 16 of k at a time.
__global__ void gemm_bf16_kernel(int n, int k, const float* __restrict__ a,
                                 const float* __restrict__ b, float* __restrict__ c) {
  Bf16Shared& s = dynamic_shared<Bf16Shared>();
  const int lane = threadIdx.x, g = lane / 4, t = lane % 4;
  const int row = 16 * blockIdx.y, column = 16 * blockIdx.x;
  float sum[2][4] = {};
  for (int k0 = 0; k0 < k; k0 += 16) {
    for (int i = lane; i < 128; i += 32) {
      const int r = i / 8, pair = i % 8;
      const float* left = a + (row + r) * k + k0 + 2 * pair;
      const float* right = b + (k0 + r) * n + column + 2 * pair;
      s.a[r][pair] = gpu::pack_bf16(left[0], left[1]);
      s.b[r][pair] = gpu::pack_bf16(right[0], right[1]);
    }
    __syncwarp();
    // Of a: rows 0-7 and 8-15 of columns 0-7, then of columns 8-15. Of b, transposed: rows 0-7 and
    // 8-15 of columns 0-7, then of columns 8-15.
    uint32_t fa[4], fb[4];
    gpu::ldmatrix_x4(fa, &s.a[lane % 16][lane / 16 * 4]);
    gpu::ldmatrix_x4_trans(fb, &s.b[lane % 16][lane / 16 * 4]);
    for (int half = 0; half < 2; ++half) {
      const uint32_t right[2] = {fb[2 * half], fb[2 * half + 1]};
      gpu::mma_m16n8k16_bf16(sum[half], fa, right);
    }
    __syncwarp();
  }
  for (int half = 0; half < 2; ++half) {
    float* out = c + (row + g) * n + column + 8 * half + 2 * t;
    out[0] = sum[half][0];
    out[1] = sum[half][1];
    out[8 * n] = sum[half][2];
    out[8 * n + 1] = sum[half][3];
  }
}

void gemm_bf16(int m, int n, int k, const float* a, const float* b, float* c, void* stream) {
  gpu::launch("gemm_bf16", gemm_bf16_kernel, {n / 16, m / 16}, {32}, sizeof(Bf16Shared), stream, n,
              k, a, b, c);
}

}  // namespace gsx::kernels::GSX_BACKEND
