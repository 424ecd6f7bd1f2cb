// CUDA for kernels that the host compiler compiles: the emulated twin of
// kernels/runtime/nvcc/gpu.h. A .cu file includes this as "gpu.h" and uses of CUDA only what stands
// here. Everything lives in namespace emulated, where kernels live, so that nvcc's headers can be
// in the same program.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>
#include <utility>

#include "kernels/runtime/emulated/vectors.h"
#include "kernels/runtime/launch.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

namespace gsx::kernels::emulated {

struct Index {
  unsigned x, y, z;
};
// Rewritten whenever another thread goes on; blocks never move between threads of the system.
#define GSX_PER_THREAD extern constinit thread_local __attribute__((tls_model("initial-exec")))
GSX_PER_THREAD Index threadIdx, blockIdx, blockDim, gridDim;
#undef GSX_PER_THREAD

using Site = std::source_location;

namespace gpu {

using kernels::Block;
using kernels::Failure;
using kernels::Grid;

// ---- What the scheduler offers; see scheduler.h ----

void barrier(const Site& site);
// The block's shared memory; fails when less than `bytes` was asked for at launch.
void* shared_memory(size_t bytes);

// A lane's part in a warp operation: what it brings and where it wants the result.
struct Lane {
  const void* in;
  void* out;
};
// The last lane of `mask` to arrive runs `combine` on all 32 lanes, of which those in the mask
// count; null for a mere meeting.
using Combine = void (*)(const Lane* lanes, unsigned mask);
void warp_operation(const char* name, Combine combine, unsigned mask, Lane lane, const Site& site);

struct Shuffle {
  uint64_t bits;
  int source;  // the lane whose bits are wanted
};
void combine_shuffle(const Lane* lanes, unsigned mask);
void combine_ballot(const Lane* lanes, unsigned mask);
int lane_of_thread();

using Invoke = void (*)(const void* function, const std::byte* parameters);
void launch_kernel(const char* name, const void* function, Invoke invoke, Grid grid, Block block,
                   size_t shared_bytes, void* stream, const std::byte* parameters,
                   size_t parameter_bytes);

template <class... P, size_t... I>
void invoke_kernel(const void* function, const std::byte* parameters, std::index_sequence<I...>) {
  reinterpret_cast<void (*)(P...)>(reinterpret_cast<uintptr_t>(function))(
      *reinterpret_cast<const P*>(parameters + ParameterSpace<P...>::offset(I))...);
}

// ---- What kernels and their launchers use ----

// Runs kernel(args...) on the stream; args are converted to the types the kernel declares. `name`,
// a literal, is what failures call it.
template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), Grid grid, Block block, size_t shared_bytes,
            void* stream, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "as many arguments as the kernel has parameters");
  alignas(64) std::byte space[ParameterSpace<P...>::kBytes + 1] = {};
  size_t index = 0;
  const auto store = [&]<class T>(const T& value) {
    std::memcpy(space + ParameterSpace<P...>::offset(index++), &value, sizeof(T));
  };
  (store(static_cast<P>(std::forward<A>(args))), ...);
  const Invoke invoke = [](const void* function, const std::byte* parameters) {
    invoke_kernel<P...>(function, parameters, std::index_sequence_for<P...>());
  };
  launch_kernel(name, reinterpret_cast<const void*>(kernel), invoke, grid, block, shared_bytes,
                stream, space, ParameterSpace<P...>::kBytes);
}

// The block's one piece of shared memory; sizeof(T) is what the launch must ask for.
template <class T>
T& dynamic_shared() {
  return *static_cast<T*>(shared_memory(sizeof(T)));
}

// Copies 16 (4) bytes from global to shared memory, which arrive at the wait for their group; zeros
// and no read when not valid.
void cp_async16(void* shared, const void* global, bool valid = true);
void cp_async4(void* shared, const void* global, bool valid = true);
void cp_async_commit();
void cp_async_wait_at_most(int pending);
// Waits until at most the N youngest groups of this thread are on their way.
template <int N>
void cp_async_wait() {
  cp_async_wait_at_most(N);
}

// Rounds to 10 mantissa bits, halves away from zero, as cvt.rna.tf32.f32.
inline uint32_t to_tf32(float v) {
  uint32_t u;
  std::memcpy(&u, &v, sizeof u);
  return std::isnan(v) ? 0x7fffffffu : (u + 0x1000u) & 0xffffe000u;
}
// Two bf16 rounded to even, `low` in the low half, as cvt.rn.bf16x2.f32.
uint32_t pack_bf16(float low, float high);

// Loads four 8x8 matrices of 16-bit elements: the row that lanes 8 i .. 8 i + 7 point at is a row
// of matrix i; r[i] holds elements 2 (lane % 4) and + 1 of row lane / 4 (of column: transposed).
void ldmatrix_x4(uint32_t (&r)[4], const void* shared_row, const Site& site = Site::current());
void ldmatrix_x4_trans(uint32_t (&r)[4], const void* shared_row,
                       const Site& site = Site::current());

// d += a b for 16 x 8 d; a is 16 x 8 TF32 or 16 x 16 BF16. Fragments as PTX defines them.
void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                      const Site& site = Site::current());
void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                       const Site& site = Site::current());

// c + a.low * b.byte0 + a.high * b.byte1 of two int16 and four int8; dp2a_hi: bytes 2 and 3.
inline int32_t dp2a(int32_t a, int32_t b, int32_t c, int shift) {
  const auto byte = [&](int at) { return int32_t{static_cast<int8_t>(b >> at)}; };
  const int32_t products =
      static_cast<int16_t>(a) * byte(shift) + static_cast<int16_t>(a >> 16) * byte(shift + 8);
  return static_cast<int32_t>(static_cast<uint32_t>(c) + static_cast<uint32_t>(products));
}
inline int32_t dp2a_lo(int32_t a, int32_t b, int32_t c) { return dp2a(a, b, c, 0); }
inline int32_t dp2a_hi(int32_t a, int32_t b, int32_t c) { return dp2a(a, b, c, 16); }

}  // namespace gpu

using gpu::dynamic_shared;

inline void __syncthreads(const Site& site = Site::current()) { gpu::barrier(site); }
inline void __syncwarp(unsigned mask = 0xffffffffu, const Site& site = Site::current()) {
  gpu::warp_operation("__syncwarp", nullptr, mask, {}, site);
}

template <class T>
T shuffle(const char* name, unsigned mask, T v, int source, const Site& site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  gpu::Shuffle in{0, source};
  std::memcpy(&in.bits, &v, sizeof v);
  uint64_t out = 0;
  gpu::warp_operation(name, gpu::combine_shuffle, mask, {&in, &out}, site);
  std::memcpy(&v, &out, sizeof v);
  return v;
}
// Lanes shuffle within segments of `width`, a power of two; lanes beyond it give the own value.
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int lane_mask, int width = 32,
                  const Site& site = Site::current()) {
  const int lane = gpu::lane_of_thread(), source = lane ^ lane_mask;
  return shuffle("__shfl_xor_sync", mask, v, source > (lane | (width - 1)) ? lane : source, site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, int delta, int width = 32,
                   const Site& site = Site::current()) {
  const int lane = gpu::lane_of_thread(), source = lane + delta;
  return shuffle("__shfl_down_sync", mask, v, source > (lane | (width - 1)) ? lane : source, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, int delta, int width = 32,
                 const Site& site = Site::current()) {
  const int lane = gpu::lane_of_thread(), source = lane - delta;
  return shuffle("__shfl_up_sync", mask, v, source < (lane & -width) ? lane : source, site);
}
template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32, const Site& site = Site::current()) {
  const int lane = gpu::lane_of_thread();
  return shuffle("__shfl_sync", mask, v, (lane & -width) | (source & (width - 1)), site);
}
inline unsigned __ballot_sync(unsigned mask, bool predicate, const Site& site = Site::current()) {
  unsigned out = 0;
  gpu::warp_operation("__ballot_sync", gpu::combine_ballot, mask, {&predicate, &out}, site);
  return out;
}
inline bool __any_sync(unsigned mask, bool predicate, const Site& site = Site::current()) {
  return __ballot_sync(mask, predicate, site) != 0;
}
inline bool __all_sync(unsigned mask, bool predicate, const Site& site = Site::current()) {
  return __ballot_sync(mask, !predicate, site) == 0;
}

// The processor's instruction, without making all of this program need it; launches check for it.
inline float fmaf(float a, float b, float c) {
#if defined(__x86_64__)
  asm("vfmadd231ss %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
  return c;
#else
  return std::fma(a, b, c);
#endif
}

template <class T>
T __ldg(const T* p) {
  return *p;
}
inline int __float2int_rn(float v) {
  if (std::isnan(v)) return 0;
  const float n = std::nearbyint(v);
  return n >= 2147483648.0f ? INT32_MAX : n < -2147483648.0f ? INT32_MIN : static_cast<int>(n);
}
inline float __int2float_rn(int v) { return static_cast<float>(v); }
inline int __float_as_int(float v) {
  int i;
  std::memcpy(&i, &v, sizeof i);
  return i;
}
inline unsigned __float_as_uint(float v) { return static_cast<unsigned>(__float_as_int(v)); }
inline float __int_as_float(int i) {
  float v;
  std::memcpy(&v, &i, sizeof v);
  return v;
}
inline float __uint_as_float(unsigned u) { return __int_as_float(static_cast<int>(u)); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<uint64_t>(a) * b >> 32);
}
inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __clz(int v) { return v == 0 ? 32 : __builtin_clz(static_cast<unsigned>(v)); }
inline int __ffs(int v) { return __builtin_ffs(v); }

// CUDA has these as overloads without a namespace; of floats, scalar.h has what all backends share.
template <class T>
constexpr T min(T a, T b) {
  static_assert(std::is_integral_v<T>);
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  static_assert(std::is_integral_v<T>);
  return a < b ? b : a;
}

}  // namespace gsx::kernels::emulated
