// Kernels whose machine code is known by construction, for the tests of what reads machine code.
#include <cstdint>

#include "gpu.h"

namespace known {

using gsx::kernels::GSX_BACKEND::dynamic_shared;
namespace gpu = gsx::kernels::GSX_BACKEND::gpu;

// One load and one store of a T per thread.
template <class T>
__global__ void move(const T* a, T* b) {
  b[threadIdx.x] = a[threadIdx.x];
}
template __global__ void move(const uint8_t*, uint8_t*);
template __global__ void move(const uint16_t*, uint16_t*);
template __global__ void move(const float*, float*);
template __global__ void move(const float2*, float2*);
template __global__ void move(const float4*, float4*);

// One access of a T to shared memory each way, around a barrier; 96 threads.
template <class T>
__global__ void __launch_bounds__(96) exchange(const T* a, T* b) {
  T* shared = &dynamic_shared<T>();
  shared[threadIdx.x] = a[threadIdx.x];
  __syncthreads();
  b[threadIdx.x] = shared[95 - threadIdx.x];
}
template __global__ void exchange(const float*, float*);
template __global__ void exchange(const float2*, float2*);
template __global__ void exchange(const float4*, float4*);

// A store to what may be global or shared memory.
__global__ void generic(float4* a, bool in_shared) {
  float4* shared = &dynamic_shared<float4>();
  float4* to = in_shared ? shared : a;
  to[threadIdx.x] = make_float4(1, 2, 3, 4);
  __syncthreads();
  a[threadIdx.x + 32] = shared[31 - threadIdx.x];
}

// 4000 bytes of static shared memory.
__global__ void statics(float* a) {
  __shared__ float values[1000];
  values[threadIdx.x] = a[threadIdx.x];
  __syncthreads();
  a[threadIdx.x] = values[999 - threadIdx.x];
}

// An array that cannot be in registers: 1024 bytes of stack.
__global__ void on_stack(float* a, const int* index) {
  float values[256];
  for (int i = 0; i < 256; ++i) values[i] = a[i * 32 + threadIdx.x];
  for (int i = 0; i < 256; ++i) values[index[i]] += 1;
  a[threadIdx.x] = values[index[256]];
}

// Two fused multiply-adds, one of doubles, one dot product and one shuffle.
__global__ void arithmetic(float* f, double* d, int* i) {
  f[threadIdx.x] = fmaf(fmaf(f[0], f[1], f[2]), f[3], f[4]);
  d[threadIdx.x] = fma(d[0], d[1], d[2]);
  i[threadIdx.x] = gpu::dp2a_lo(i[0], i[1], i[2]);
  i[threadIdx.x + 32] = __shfl_xor_sync(0xffffffffu, i[threadIdx.x + 64], 1);
}

// One asynchronous copy of 16 bytes and one of 4.
__global__ void copies(const float4* a, const float* b, float4* out) {
  float4* shared = &dynamic_shared<float4>();
  gpu::cp_async16(&shared[threadIdx.x], &a[threadIdx.x]);
  gpu::cp_async4(&shared[32 + threadIdx.x], &b[threadIdx.x]);
  gpu::cp_async_commit();
  gpu::cp_async_wait<0>();
  out[threadIdx.x] = shared[63 - threadIdx.x];
}

// Two products of TF32 matrices and one load of matrices.
__global__ void products(float* d, const uint32_t* b) {
  uint32_t* shared = &dynamic_shared<uint32_t>();
  uint32_t a[4];
  gpu::ldmatrix_x4(a, shared + threadIdx.x * 4);
  const uint32_t right[2] = {b[threadIdx.x], b[threadIdx.x + 32]};
  float sum[4] = {0, 0, 0, 0};
  gpu::mma_m16n8k8_tf32(sum, a, right);
  gpu::mma_m16n8k8_tf32(sum, a, right);
  for (int i = 0; i < 4; ++i) d[threadIdx.x * 4 + i] = sum[i];
}

}  // namespace known
