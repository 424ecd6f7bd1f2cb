// Fake quantisation of activations and weights.
#include "kernels/fake_quant.h"

#include "kernels/cuda/map.h"
#include "kernels/cuda/tables.h"
#include "kernels/cuda/weights.h"

namespace gsx::kernels::GSX_BACKEND {

namespace quantised {

struct Forward {
  Quantizer q;
  __device__ float operator()(float x, float) const { return scalar::quantize(x, q); }
};
struct Backward {
  Quantizer q;
  __device__ float operator()(float x, float gy) const { return gy * scalar::quantize_slope(x, q); }
};

}  // namespace quantised

constexpr int kScaleThreads = 256;
constexpr int kScaleColumns = 32, kScaleRows = kScaleThreads / kScaleColumns;
constexpr int64_t kOuterPerBlock = 16 * kScaleRows;

struct Largest {
  float of_thread[kScaleThreads];
};

// As std::max(m, v), which keeps m where v is NaN.
__device__ __forceinline__ float larger(float m, float v) { return v > m ? v : m; }

// largest[part, channel] = max |w| over a part of a filter bank's [outer, ks] weights. A block has
// 32 neighbouring channels, so that a warp reads 128 bytes at once, and 8 rows of threads that take
// every eighth of the part's 128 outer indices. Moves 4 bytes per weight.
__global__ void __launch_bounds__(kScaleThreads)
    largest_of_columns_kernel(const ChannelBlocks b, const float* w, float* largest) {
  auto& shared = dynamic_shared<Largest>();
  const int thread = static_cast<int>(threadIdx.x), row = thread / kScaleColumns;
  const int64_t channel = int64_t{blockIdx.y} * kScaleColumns + thread % kScaleColumns;
  const int64_t from = int64_t{blockIdx.x} * kOuterPerBlock;
  const int64_t to = from + kOuterPerBlock < b.outer ? from + kOuterPerBlock : b.outer;
  float m = 0;
  if (channel < b.k) {
#pragma unroll 4
    for (int64_t o = from + row; o < to; o += kScaleRows) {
      m = larger(m, std::fabs(w[o * b.ks + channel]));
    }
  }
  shared.of_thread[thread] = m;
  __syncthreads();
  if (row > 0 || channel >= b.k) return;
  for (int r = 1; r < kScaleRows; ++r) m = larger(m, shared.of_thread[thread + r * kScaleColumns]);
  largest[int64_t{blockIdx.x} * b.k + channel] = m;
}

// The largest m of a block's threads, in thread 0.
__device__ __forceinline__ float block_largest(Largest& shared, float m) {
  const int thread = static_cast<int>(threadIdx.x);
  shared.of_thread[thread] = m;
  for (int half = kScaleThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (thread < half) {
      m = larger(m, shared.of_thread[thread + half]);
      shared.of_thread[thread] = m;
    }
  }
  return m;
}

// largest[o, channel] = max |w| over the `inner` neighbouring weights of a dense layer's channel, a
// block for each.
__global__ void __launch_bounds__(kScaleThreads)
    largest_of_rows_kernel(const ChannelBlocks b, const float* w, float* largest) {
  auto& shared = dynamic_shared<Largest>();
  const int64_t o = int64_t{blockIdx.x} / b.k, channel = int64_t{blockIdx.x} - o * b.k;
  const float* row = w + (o * b.ks + channel) * b.inner;
  float m = 0;
#pragma unroll 4
  for (int64_t i = static_cast<int>(threadIdx.x); i < b.inner; i += kScaleThreads) {
    m = larger(m, std::fabs(row[i]));
  }
  m = block_largest(shared, m);
  if (threadIdx.x == 0) largest[blockIdx.x] = m;
}

// scales[channel] from `parts` numbers for each of k channels, a thread for each channel.
__global__ void __launch_bounds__(kScaleThreads)
    channel_scales_kernel(const float* largest, const int64_t parts, const int64_t k,
                          const float levels, float* scales) {
  const int64_t channel = int64_t{blockIdx.x} * kScaleThreads + static_cast<int>(threadIdx.x);
  if (channel >= k) return;
  float m = 0;
#pragma unroll 4
  for (int64_t p = 0; p < parts; ++p) m = larger(m, largest[p * k + channel]);
  scales[channel] = m / levels;
}

// One scale from all n numbers, by one block.
__global__ void __launch_bounds__(kScaleThreads)
    tensor_scale_kernel(const float* largest, const int64_t n, const float levels, float* scale) {
  auto& shared = dynamic_shared<Largest>();
  float m = 0;
#pragma unroll 4
  for (int64_t i = static_cast<int>(threadIdx.x); i < n; i += kScaleThreads) {
    m = larger(m, largest[i]);
  }
  m = block_largest(shared, m);
  if (threadIdx.x == 0) *scale = m / levels;
}

// y = the grid's value nearest to w, s = scales[channel * stride]; padding lanes zero. Moves 8
// bytes per weight; neighbouring threads take neighbouring groups of kWidth weights.
template <int kWidth>
__global__ void __launch_bounds__(kMapThreads)
    weight_forward_kernel(const WeightLanes lanes, const int n, const int stride, const float* w,
                          const float* scales, float* y) {
  const int64_t at = map_thread() * kWidth;
  if (at >= n) return;
  auto v = Lanes<kWidth>::load(w + at);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    const int channel = lanes.channel(static_cast<int>(at) + i);
    const float s = channel < lanes.k ? __ldg(scales + channel * stride) : 0.0f;
    v.value[i] = channel < lanes.k ? scalar::quantized_weight(v.value[i], s) * s : 0.0f;
  }
  v.store(y + at);
}

namespace {

void forward(Exec& e, int64_t n, const Quantizer& q, const float* x, float* y) {
  map("fake_quant_forward", e, n, quantised::Forward{q}, {x, nullptr, y});
}

void backward(Exec& e, int64_t n, const Quantizer& q, const float* x, const float* gy, float* gx) {
  map("fake_quant_backward", e, n, quantised::Backward{q}, {x, gy, gx});
}

void weight_scales(Exec& e, const ChannelBlocks& b, float levels, bool per_channel, const float* w,
                   float* scales) {
  check_weights(b);
  Workspace::Scope scope(*e.workspace);
  const bool rows = b.inner > 1;
  const int64_t parts = rows ? b.outer : (b.outer + kOuterPerBlock - 1) / kOuterPerBlock;
  float* largest = e.workspace->take<float>(parts * b.k);
  if (rows && parts > 0) {
    gpu::launch("weight_largest", largest_of_rows_kernel, {parts * b.k}, {kScaleThreads},
                sizeof(Largest), e.stream, b, w, largest);
  } else if (parts > 0) {
    gpu::launch("weight_largest", largest_of_columns_kernel,
                {parts, (b.k + kScaleColumns - 1) / kScaleColumns}, {kScaleThreads},
                sizeof(Largest), e.stream, b, w, largest);
  }
  if (per_channel) {
    gpu::launch("weight_scales", channel_scales_kernel, {(b.k + kScaleThreads - 1) / kScaleThreads},
                {kScaleThreads}, 0, e.stream, largest, parts, b.k, levels, scales);
  } else {
    gpu::launch("weight_scale", tensor_scale_kernel, {1}, {kScaleThreads}, sizeof(Largest),
                e.stream, largest, parts * b.k, levels, scales);
  }
}

void weight_forward(Exec& e, const ChannelBlocks& b, bool per_channel, const float* w,
                    const float* scales, float* y) {
  check_weights(b);
  const int64_t n = b.size();
  if (n == 0) return;
  const bool wide = n % 4 == 0 && aligned16(w) && aligned16(y);
  gpu::launch("weight_forward", wide ? weight_forward_kernel<4> : weight_forward_kernel<1>,
              {map_blocks(wide ? n / 4 : n)}, {kMapThreads}, 0, e.stream, WeightLanes::of(b), n,
              per_channel ? 1 : 0, w, scales, y);
}

}  // namespace

const FakeQuantKernels fake_quant = {forward, backward, weight_scales, weight_forward};

}  // namespace gsx::kernels::GSX_BACKEND
