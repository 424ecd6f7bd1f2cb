// CUDA for kernels that nvcc compiles: the twin of kernels/runtime/emulated/gpu.h, which says what
// each function does. The namespace is the build's, so that tests can give PTX the emulator's
// names.
#pragma once
#include <cuda_runtime.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include "kernels/runtime/launch.h"

namespace gsx::kernels::GSX_BACKEND {

namespace gpu {

using kernels::Block;
using kernels::Failure;
using kernels::Grid;

// arguments: one pointer per parameter.
void launch_kernel(const char* name, const void* function, Grid grid, Block block,
                   size_t shared_bytes, void* stream, void** arguments);

template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), Grid grid, Block block, size_t shared_bytes,
            void* stream, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "as many arguments as the kernel has parameters");
  static_assert(ParameterSpace<P...>::kBytes <= kMostParameterBytes);
  std::tuple<P...> values(static_cast<P>(std::forward<A>(args))...);
  std::apply(
      [&](auto&... value) {
        void* arguments[] = {&value..., nullptr};
        launch_kernel(name, reinterpret_cast<const void*>(kernel), grid, block, shared_bytes,
                      stream, arguments);
      },
      values);
}

template <class T>
__device__ __forceinline__ T& dynamic_shared() {
  extern __shared__ __align__(128) unsigned char gsx_shared[];
  return *reinterpret_cast<T*>(gsx_shared);
}

__device__ __forceinline__ uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

// ---- From compute capability 8.0: copies that go on by themselves. Before: plain copies. ----

#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ void cp_async16(void* shared, const void* global, bool valid = true) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
               "l"(__cvta_generic_to_global(global)), "r"(valid ? 16 : 0)
               : "memory");
}
__device__ __forceinline__ void cp_async4(void* shared, const void* global, bool valid = true) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(shared)),
               "l"(__cvta_generic_to_global(global)), "r"(valid ? 4 : 0)
               : "memory");
}
__device__ __forceinline__ void cp_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
template <int N>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
#else
__device__ __forceinline__ void cp_async16(void* shared, const void* global, bool valid = true) {
  *static_cast<uint4*>(shared) =
      valid ? *static_cast<const uint4*>(global) : make_uint4(0, 0, 0, 0);
}
__device__ __forceinline__ void cp_async4(void* shared, const void* global, bool valid = true) {
  *static_cast<uint32_t*>(shared) = valid ? *static_cast<const uint32_t*>(global) : 0;
}
__device__ __forceinline__ void cp_async_commit() {}
template <int N>
__device__ __forceinline__ void cp_async_wait() {}
#endif

// ---- Roundings ----

#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ uint32_t to_tf32(float v) {
  uint32_t u;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(u) : "f"(v));
  return u;
}
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  uint32_t u;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(u) : "f"(high), "f"(low));
  return u;
}
#else
__device__ __forceinline__ uint32_t to_tf32(float v) {
  return v != v ? 0x7fffffffu : (__float_as_uint(v) + 0x1000u) & 0xffffe000u;
}
__device__ __forceinline__ uint32_t bf16_bits(float v) {
  const uint32_t u = __float_as_uint(v);
  return v != v ? 0x7fffu : (u + 0x7fffu + (u >> 16 & 1)) >> 16;
}
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  return bf16_bits(low) | bf16_bits(high) << 16;
}
#endif

// ---- Matrices in the registers of a warp ----

__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void* shared_row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared_row))
               : "memory");
}
__device__ __forceinline__ void ldmatrix_x4_trans(uint32_t (&r)[4], const void* shared_row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared_row))
               : "memory");
}

#if __CUDA_ARCH__ >= 800
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4],
                                                 const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
__device__ __forceinline__ void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4],
                                                  const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#else
// Before: the same sums by shuffles, right but slow. Lane 4 g + t holds rows g and g + 8 of a and
// d, column g of b, along k the pieces 4 j + t, and columns 2 t, 2 t + 1 of d.
template <int kPerPiece>
__device__ __forceinline__ float piece_element(uint32_t piece, int i) {
  return __uint_as_float(kPerPiece == 1 ? piece & 0xffffe000u
                         : i == 0       ? piece << 16
                                        : piece & 0xffff0000u);
}
template <int kPerPiece>
__device__ void mma_by_shuffles(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const int lane = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z) & 31;
  const int g = lane / 4, t = lane % 4;
  for (int half = 0; half < 2; ++half) {
#pragma unroll 1
    for (int piece = 0; piece < 4; ++piece) {
      const uint32_t top = __shfl_sync(0xffffffffu, a[2 * half], 4 * g + piece);
      const uint32_t bottom = __shfl_sync(0xffffffffu, a[2 * half + 1], 4 * g + piece);
      const uint32_t left = __shfl_sync(0xffffffffu, b[half], 4 * (2 * t) + piece);
      const uint32_t right = __shfl_sync(0xffffffffu, b[half], 4 * (2 * t + 1) + piece);
      for (int i = 0; i < kPerPiece; ++i) {
        const float row[2] = {piece_element<kPerPiece>(top, i),
                              piece_element<kPerPiece>(bottom, i)};
        const float column[2] = {piece_element<kPerPiece>(left, i),
                                 piece_element<kPerPiece>(right, i)};
        for (int j = 0; j < 4; ++j) d[j] = fmaf(row[j / 2], column[j % 2], d[j]);
      }
    }
  }
}
__device__ __forceinline__ void mma_m16n8k8_tf32(float (&d)[4], const uint32_t (&a)[4],
                                                 const uint32_t (&b)[2]) {
  mma_by_shuffles<1>(d, a, b);
}
__device__ __forceinline__ void mma_m16n8k16_bf16(float (&d)[4], const uint32_t (&a)[4],
                                                  const uint32_t (&b)[2]) {
  mma_by_shuffles<2>(d, a, b);
}
#endif

__device__ __forceinline__ int32_t dp2a_lo(int32_t a, int32_t b, int32_t c) {
  return __dp2a_lo(a, b, c);
}
__device__ __forceinline__ int32_t dp2a_hi(int32_t a, int32_t b, int32_t c) {
  return __dp2a_hi(a, b, c);
}

}  // namespace gpu

using gpu::dynamic_shared;

}  // namespace gsx::kernels::GSX_BACKEND
