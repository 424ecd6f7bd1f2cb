// Elementwise kernels: y[i] = f(i-th elements of up to three inputs).
#pragma once
#include <cstdint>

#include "gpu.h"
#include "kernels/cuda/conv_lanes.h"
#include "kernels/cuda/fast_divide.h"
#include "kernels/exec.h"
#include "kernels/view.h"

namespace gsx::kernels::GSX_BACKEND {

using convolution::Lanes;

constexpr int kMapThreads = 256;

inline bool aligned16(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

// Blocks for n threads of work.
inline int64_t map_blocks(int64_t n) { return (n + kMapThreads - 1) / kMapThreads; }

// This thread's place among all of the launch's.
__device__ __forceinline__ int64_t map_thread() {
  return int64_t{blockIdx.x} * kMapThreads + static_cast<int>(threadIdx.x);
}

// Elements that may be null or a given array of them.
template <int kWidth>
__device__ __forceinline__ Lanes<kWidth> load_or_zero(const float* p, int64_t at) {
  return p ? Lanes<kWidth>::load(p + at) : Lanes<kWidth>{};
}

// What an elementwise kernel reads and writes. Arrays may be the same: each thread reads its
// elements before it writes them. Inputs that f does not use are null.
struct MapArrays {
  const float *a = nullptr, *b = nullptr;
  float* y = nullptr;
};

// y[i] = f(a[i], b[i]) for the `whole` groups of kWidth elements, and by the last, half idle warps
// for the n - kWidth * whole elements left over. Moves 4 bytes per element and array: 16 bytes a
// thread and array, neighbouring threads at neighbouring addresses.
template <int kWidth, class F>
__global__ void __launch_bounds__(kMapThreads)
    map_kernel(const F f, const MapArrays p, const int64_t n) {
  const int64_t whole = n / kWidth, thread = map_thread();
  if (thread < whole) {
    const int64_t at = thread * kWidth;
    const Lanes<kWidth> a = load_or_zero<kWidth>(p.a, at), b = load_or_zero<kWidth>(p.b, at);
    Lanes<kWidth> y;
#pragma unroll
    for (int i = 0; i < kWidth; ++i) y.value[i] = f(a.value[i], b.value[i]);
    y.store(p.y + at);
  } else if (const int64_t at = whole * kWidth + (thread - whole); at < n) {
    p.y[at] = f(p.a ? p.a[at] : 0.0f, p.b ? p.b[at] : 0.0f);
  }
}

template <class F>
void map(const char* name, Exec& e, int64_t n, const F& f, const MapArrays& p) {
  if (n == 0) return;
  if (aligned16(p.a) && aligned16(p.b) && aligned16(p.y)) {
    gpu::launch(name, map_kernel<4, F>, {map_blocks(n / 4 + n % 4)}, {kMapThreads}, 0, e.stream, f,
                p, n);
  } else {
    gpu::launch(name, map_kernel<1, F>, {map_blocks(n)}, {kMapThreads}, 0, e.stream, f, p, n);
  }
}

// The lane of the elements of rows of cs, without 64-bit division per thread: a block's first
// element lies in lane block * step % cs.
struct RowLanes {
  FastDivide by_cs;
  int c, cs, step;

  static RowLanes of(const Rows& r, int width) {
    const int cs = static_cast<int>(r.cs);
    return {FastDivide::by(cs), static_cast<int>(r.c), cs, kMapThreads * width % cs};
  }
  __device__ int mod(int n) const { return n - by_cs(n) * cs; }
  // Of element `place` of block b.
  __device__ int lane(int b, int place) const { return mod(mod(b) * step + place); }
};

// As map_kernel over rows whose lanes from c on are padding and become zero. kWidth divides cs.
template <int kWidth, class F>
__global__ void __launch_bounds__(kMapThreads)
    map_rows_kernel(const F f, const MapArrays p, const RowLanes rows, const int64_t n) {
  const int64_t at = map_thread() * kWidth;
  if (at >= n) return;
  const int lane = rows.lane(static_cast<int>(blockIdx.x), static_cast<int>(threadIdx.x) * kWidth);
  const Lanes<kWidth> a = load_or_zero<kWidth>(p.a, at), b = load_or_zero<kWidth>(p.b, at);
  Lanes<kWidth> y;
#pragma unroll
  for (int i = 0; i < kWidth; ++i)
    y.value[i] = lane + i < rows.c ? f(a.value[i], b.value[i]) : 0.0f;
  y.store(p.y + at);
}

template <class F>
void map_rows(const char* name, Exec& e, const Rows& r, const F& f, const MapArrays& p) {
  if (r.c == r.cs) return map(name, e, r.size(), f, p);
  const bool wide = r.cs % 4 == 0 && aligned16(p.a) && aligned16(p.b) && aligned16(p.y);
  const int64_t n = r.size(), blocks = map_blocks(wide ? n / 4 : n);
  if (n == 0) return;
  if (wide) {
    gpu::launch(name, map_rows_kernel<4, F>, {blocks}, {kMapThreads}, 0, e.stream, f, p,
                RowLanes::of(r, 4), n);
  } else {
    gpu::launch(name, map_rows_kernel<1, F>, {blocks}, {kMapThreads}, 0, e.stream, f, p,
                RowLanes::of(r, 1), n);
  }
}

}  // namespace gsx::kernels::GSX_BACKEND
