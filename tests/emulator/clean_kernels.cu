// Kernels that are right: each must give its reference's result under every schedule.
#include "gpu.h"
#include "tests/emulator/kernels.h"
#include "tests/emulator/mma_kernels.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr unsigned kAllLanes = 0xffffffffu;

struct SumShared {
  float partial[32];
};

__global__ void block_sum_kernel(const float* __restrict__ x, float* __restrict__ y) {
  SumShared& s = dynamic_shared<SumShared>();
  float v = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(kAllLanes, v, d);
  if (threadIdx.x % 32 == 0) s.partial[threadIdx.x / 32] = v;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  v = threadIdx.x < blockDim.x / 32 ? s.partial[threadIdx.x] : 0.0f;
  for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(kAllLanes, v, d);
  if (threadIdx.x == 0) y[blockIdx.x] = v;
}

void block_sum(int blocks, int threads, const float* x, float* y, void* stream) {
  gpu::launch("block_sum", block_sum_kernel, {blocks}, {threads}, sizeof(SumShared), stream, x, y);
}

constexpr int kTile = 64, kDepth = 16;  // of a block: kTile x kTile of c, kDepth of k at a time

struct GemmShared {
  float a[kDepth][kTile], b[kDepth][kTile];
};

// 16 x 16 threads; a thread owns rows 16 i + ty and columns 4 tx .. + 4 of c.
__global__ void __launch_bounds__(256)
    gemm_kernel(int m, int n, int k, const float* __restrict__ a, const float* __restrict__ b,
                float* __restrict__ c) {
  GemmShared& s = dynamic_shared<GemmShared>();
  const int tx = threadIdx.x, ty = threadIdx.y, thread = 16 * ty + tx;
  const int row0 = blockIdx.y * kTile, column0 = blockIdx.x * kTile;
  float sum[4][4] = {};
  for (int k0 = 0; k0 < k; k0 += kDepth) {
    for (int i = thread; i < kTile * kDepth; i += 256) {
      const int ra = row0 + i / kDepth, ka = k0 + i % kDepth;
      s.a[i % kDepth][i / kDepth] = ra < m && ka < k ? a[ra * k + ka] : 0.0f;
      const int kb = k0 + i / kTile, cb = column0 + i % kTile;
      s.b[i / kTile][i % kTile] = kb < k && cb < n ? b[kb * n + cb] : 0.0f;
    }
    __syncthreads();
    for (int d = 0; d < kDepth && k0 + d < k; ++d) {
      const float4 right = *reinterpret_cast<const float4*>(&s.b[d][4 * tx]);
      for (int i = 0; i < 4; ++i) {
        const float left = s.a[d][16 * i + ty];
        sum[i][0] = fmaf(left, right.x, sum[i][0]);
        sum[i][1] = fmaf(left, right.y, sum[i][1]);
        sum[i][2] = fmaf(left, right.z, sum[i][2]);
        sum[i][3] = fmaf(left, right.w, sum[i][3]);
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      const int row = row0 + 16 * i + ty, column = column0 + 4 * tx + j;
      if (row < m && column < n) c[row * n + column] = sum[i][j];
    }
  }
}

void gemm(int m, int n, int k, const float* a, const float* b, float* c, void* stream) {
  gpu::launch("gemm", gemm_kernel, {(n + kTile - 1) / kTile, (m + kTile - 1) / kTile}, {16, 16},
              sizeof(GemmShared), stream, m, n, k, a, b, c);
}

constexpr int kStages = 3, kThreads = 64;

struct PipelineShared {
  float4 stage[kStages][kThreads];
};

// A block takes kThreads pieces of four floats at a time; a thread reads what its neighbour copied.
__global__ void pipelined_kernel(int64_t n, const float* __restrict__ x, float* __restrict__ y) {
  PipelineShared& s = dynamic_shared<PipelineShared>();
  const int t = threadIdx.x;
  const int64_t pieces = n / 4, step = int64_t{kThreads} * gridDim.x;
  const int64_t first = int64_t{kThreads} * blockIdx.x;
  const auto fetch = [&](int64_t at, int stage) {
    const int64_t piece = at + t;
    const bool valid = piece < pieces;
    gpu::cp_async16(&s.stage[stage][t], x + 4 * (valid ? piece : 0), valid);
    gpu::cp_async_commit();
  };
  for (int i = 0; i < kStages - 1; ++i) fetch(first + i * step, i);
  int stage = 0;
  for (int64_t at = first; at < pieces; at += step) {
    gpu::cp_async_wait<kStages - 2>();
    __syncthreads();  // all copies of the stage are here, and all threads are done with the one
                      // before
    fetch(at + (kStages - 1) * step, (stage + kStages - 1) % kStages);
    const float4 own = s.stage[stage][t], other = s.stage[stage][t ^ 1];
    if (at + t < pieces) {
      reinterpret_cast<float4*>(y)[at + t] =
          make_float4(own.x + other.x, own.y + other.y, own.z + other.z, own.w + other.w);
    }
    stage = (stage + 1) % kStages;
  }
}

void pipelined(int64_t n, const float* x, float* y, void* stream) {
  gpu::launch("pipelined", pipelined_kernel, {2}, {kThreads}, sizeof(PipelineShared), stream, n, x,
              y);
}

// Half the lanes shuffle among themselves: masks of less than a warp.
__global__ void warp_values_kernel(const int* __restrict__ x, int* __restrict__ y) {
  const int lane = threadIdx.x, v = x[lane];
  int* out = y + lane;
  const auto put = [&](int value) {
    *out = value;
    out += 32;
  };
  put(__shfl_xor_sync(kAllLanes, v, 5));
  put(__shfl_xor_sync(kAllLanes, v, 12, 8));
  put(__shfl_down_sync(kAllLanes, v, 3));
  put(__shfl_down_sync(kAllLanes, v, 3, 16));
  put(__shfl_up_sync(kAllLanes, v, 7));
  put(__shfl_up_sync(kAllLanes, v, 1, 4));
  put(__shfl_sync(kAllLanes, v, (5 * lane + 3) % 32));
  put(__shfl_sync(kAllLanes, v, 9, 8));
  put(static_cast<int>(__ballot_sync(kAllLanes, v % 3 == 0)));
  put(lane < 16 ? __shfl_xor_sync(0x0000ffffu, v, 1) : __shfl_xor_sync(0xffff0000u, v, 2));
  put(gpu::dp2a_lo(v, 0x7f80ff01, lane));
  put(gpu::dp2a_hi(v, 0x7f80ff01, lane));
  put(static_cast<int>(gpu::to_tf32(__int_as_float(v))));
  put(static_cast<int>(gpu::pack_bf16(__int_as_float(v), __int_as_float(v ^ 0x1234))));
}

void warp_values(const int* x, int* y, void* stream) {
  gpu::launch("warp_values", warp_values_kernel, {1}, {32}, 0, stream, x, y);
}

const CleanKernels clean_kernels = {block_sum, gemm, pipelined, gemm_tf32, gemm_bf16, warp_values};

}  // namespace gsx::kernels::GSX_BACKEND
