// Sums over whole storages in double: one chunk per block, then one block for the chunks.
#pragma once
#include <cstdint>

#include "kernels/cuda/map.h"
#include "kernels/cuda/reduce.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr int kSumThreads = 256;

struct SumArrays {
  const float *a, *b;  // b may be null
  int64_t n;
  int c, cs;         // where elements have padding: the lanes that count, of how many
  int64_t chunk;     // elements of a block
  double* partials;  // one per block
};

// partials[block] = the sum of f(a[i], b[i]) over the block's chunk. Reads 4 bytes per element and
// array: 16 bytes a thread and array, a block's threads side by side, each lane of a thread with a
// sum of its own, so that four additions are under way at a time.
template <int kWidth, bool kPadded, class F>
__global__ void __launch_bounds__(kSumThreads) sum_chunks_kernel(const F f, const SumArrays p) {
  constexpr int kStep = kSumThreads * kWidth;
  const int64_t begin = int64_t{blockIdx.x} * p.chunk;
  const int64_t end = p.n - begin < p.chunk ? p.n : begin + p.chunk;
  int64_t at = begin + static_cast<int>(threadIdx.x) * kWidth;
  int lane = kPadded ? static_cast<int>(at % p.cs) : 0;
  const int lane_step = kPadded ? kStep % p.cs : 0;
  double sums[kWidth] = {};
#pragma unroll(kPadded ? 2 : 4)
  for (; at + kWidth <= end; at += kStep) {
    const Lanes<kWidth> a = Lanes<kWidth>::load(p.a + at), b = load_or_zero<kWidth>(p.b, at);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) {
      if (!kPadded || lane + i < p.c) sums[i] += f(a.value[i], b.value[i]);
    }
    if constexpr (kPadded) {
      lane += lane_step;
      if (lane >= p.cs) lane -= p.cs;
    }
  }
  // What is left over: rows without padding alone have a length that kWidth does not divide.
  double sum = sums[0];
  if constexpr (kWidth == 4) sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
#pragma unroll 1
  for (; at < end; ++at) sum += f(p.a[at], p.b ? p.b[at] : 0.0f);
  auto& shared = gpu::dynamic_shared<BlockSums<double, kSumThreads>>();
  const double total = block_sum(shared, sum);
  if (threadIdx.x == 0) p.partials[blockIdx.x] = total;
}

// y[0] = factor * sum of partials / divisor.
void finish_sum(Exec&, const double* partials, int64_t count, double factor, double divisor,
                float* y);

template <bool kPadded, class F>
void launch_sum_chunks(const char* name, Exec& e, int64_t blocks, bool wide, const F& f,
                       const SumArrays& p) {
  using Shared = BlockSums<double, kSumThreads>;
  if (wide) {
    gpu::launch(name, sum_chunks_kernel<4, kPadded, F>, {blocks}, {kSumThreads}, sizeof(Shared),
                e.stream, f, p);
  } else {
    gpu::launch(name, sum_chunks_kernel<1, kPadded, F>, {blocks}, {kSumThreads}, sizeof(Shared),
                e.stream, f, p);
  }
}

template <bool kPadded, class F>
void sum_storage(const char* name, Exec& e, const Rows& r, const F& f, const float* a,
                 const float* b, double factor, double divisor, float* y) {
  Workspace::Scope scope(*e.workspace);
  const Chunks chunks = Chunks::of(r.size());
  const SumArrays p = {a,
                       b,
                       r.size(),
                       static_cast<int>(r.c),
                       static_cast<int>(r.cs),
                       chunks.size,
                       e.workspace->take<double>(chunks.count)};
  const bool wide = aligned16(a) && aligned16(b) && (!kPadded || r.cs % 4 == 0);
  launch_sum_chunks<kPadded>(name, e, chunks.count, wide, f, p);
  finish_sum(e, p.partials, chunks.count, factor, divisor, y);
}

// y[0] = factor * (sum of f(a[i], b[i]) over the counted lanes of rows) / divisor.
template <class F>
void sum_rows(const char* name, Exec& e, const Rows& r, const F& f, const float* a, const float* b,
              double factor, double divisor, float* y) {
  if (r.c == r.cs) return sum_storage<false>(name, e, r, f, a, b, factor, divisor, y);
  sum_storage<true>(name, e, r, f, a, b, factor, divisor, y);
}

// The same over n elements that all count.
template <class F>
void sum_all(const char* name, Exec& e, int64_t n, const F& f, const float* a, const float* b,
             double factor, double divisor, float* y) {
  sum_storage<false>(name, e, Rows{1, n, n}, f, a, b, factor, divisor, y);
}

}  // namespace gsx::kernels::GSX_BACKEND
