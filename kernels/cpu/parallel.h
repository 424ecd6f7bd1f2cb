// How the CPU kernels cut work and add up: by shape only, so that threads change no bit.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/exec.h"

namespace gsx::kernels {

constexpr int64_t kElementGrain = 16384;  // elements per task of an elementwise pass
constexpr int64_t kSumGrain = 16384;      // elements per task of a sum

// Pixels per task for work that costs about cs per pixel.
constexpr int64_t pixel_grain(int64_t cs, int64_t elements = kElementGrain) {
  return std::max<int64_t>(1, elements / std::max<int64_t>(1, cs));
}

// Calls f.operator()<N>(c) for blocks of N channels from c on, N = kMost, 16, 8, then 1: inner
// loops of constant length over small arrays stay in vector registers.
template <int kMost = 16, class F>
[[gnu::always_inline]] inline void for_blocks(int cs, F&& f) {
  int c = 0;
  for (; c + kMost <= cs; c += kMost) f.template operator()<kMost>(c);
  for (; c + 16 <= cs; c += 16) f.template operator()<16>(c);
  for (; c + 8 <= cs; c += 8) f.template operator()<8>(c);
  for (; c < cs; ++c) f.template operator()<1>(c);
}

// A fixed binary tree over values[0], values[stride], ...; overwrites them.
inline double tree_sum(double* values, int64_t n, int64_t stride = 1) {
  if (n == 0) return 0;
  for (int64_t step = 1; step < n; step *= 2)
    for (int64_t i = 0; i + step < n; i += 2 * step)
      values[i * stride] += values[(i + step) * stride];
  return values[0];
}

// The sum of f(i) in double over 8 interleaved lanes, the same bits at any vector width. Inlined,
// so that it is compiled for its caller's instruction set.
template <class F>
[[gnu::always_inline]] inline double lane_sum(int64_t begin, int64_t end, F&& f) {
  constexpr int kLanes = 8;
  double lanes[kLanes] = {};
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes)
    for (int j = 0; j < kLanes; ++j) lanes[j] += f(i + j);
  for (int j = 0; i < end; ++i, ++j) lanes[j] += f(i);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

// The sum of part(begin, end) over fixed ranges of [0, n).
template <class F>
double chunked_sum(Exec& e, int64_t n, F&& part) {
  Workspace::Scope scope(*e.workspace);
  const int64_t chunks = (n + kSumGrain - 1) / kSumGrain;
  double* partial = e.workspace->take<double>(std::max<int64_t>(chunks, 1));
  e.pool->for_ranges(n, kSumGrain, [&](int64_t begin, int64_t end) {
    partial[begin / kSumGrain] = part(begin, end);
  });
  return tree_sum(partial, chunks);
}

}  // namespace gsx::kernels
