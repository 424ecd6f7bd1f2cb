// Planted bugs that the scheduler diagnoses; see planted_kernels.h.
#include "gpu.h"
#include "tests/emulator/planted_kernels.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr unsigned kAllLanes = 0xffffffffu;

__global__ void divergent_barrier_kernel(const float* x, float* y) {
  if (threadIdx.x < 32) {
    __syncthreads();
    y[threadIdx.x] = x[threadIdx.x];
  } else {
    __syncthreads();
    y[threadIdx.x] = 2 * x[threadIdx.x];
  }
}

__global__ void unreached_barrier_kernel(const float* x, float* y) {
  if (threadIdx.x == 40) return;
  __syncthreads();
  y[threadIdx.x] = x[threadIdx.x];
}

// Thread 7 and the second warp wait for the block, the first warp waits for its lane 7.
__global__ void deadlock_kernel(const float* x, float* y) {
  float v = x[threadIdx.x];
  if (threadIdx.x == 7 || threadIdx.x >= 32) __syncthreads();
  v += __shfl_xor_sync(kAllLanes, v, 1);
  y[threadIdx.x] = v;
}

__global__ void mask_mismatch_kernel(const float* x, float* y) {
  const float v = x[threadIdx.x];
  y[threadIdx.x] = __shfl_xor_sync(threadIdx.x % 32 < 16 ? 0x0001ffffu : kAllLanes, v, 1);
}

__global__ void lane_not_in_mask_kernel(const float* x, float* y) {
  y[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, x[threadIdx.x], 1);
}

__global__ void exited_lane_kernel(const float* x, float* y) {
  if (threadIdx.x == 50) return;
  y[threadIdx.x] = __shfl_xor_sync(kAllLanes, x[threadIdx.x], 1);
}

__global__ void shuffle_from_outside_kernel(const float* x, float* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(0x0000ffffu, x[threadIdx.x], 20);
}

__global__ void divergent_shuffle_kernel(const float* x, float* y) {
  const float v = x[threadIdx.x];
  y[threadIdx.x] =
      threadIdx.x % 2 == 0 ? __shfl_xor_sync(kAllLanes, v, 1) : __shfl_xor_sync(kAllLanes, v, 3);
}

__global__ void misaligned_copy_kernel(const float* x, float* y) {
  float* s = dynamic_shared<float[68]>();
  gpu::cp_async16(s + threadIdx.x, x);
  gpu::cp_async_commit();
  gpu::cp_async_wait<0>();
  y[threadIdx.x] = s[threadIdx.x];
}

__global__ void too_little_shared_kernel(const float* x, float* y) {
  float* s = dynamic_shared<float[128]>();
  s[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = s[threadIdx.x];
}

template <void (*kernel)(const float*, float*)>
void run(const float* x, float* y) {
  gpu::launch("planted", kernel, {1}, {64}, sizeof(float[68]), nullptr, x, y);
}

const PlantedBug kDivergentBarrier = {"divergent_barrier", run<divergent_barrier_kernel>};
const PlantedBug kUnreachedBarrier = {"unreached_barrier", run<unreached_barrier_kernel>};
const PlantedBug kDeadlock = {"deadlock", run<deadlock_kernel>};
const PlantedBug kMaskMismatch = {"mask_mismatch", run<mask_mismatch_kernel>};
const PlantedBug kLaneNotInMask = {"lane_not_in_mask", run<lane_not_in_mask_kernel>};
const PlantedBug kExitedLane = {"exited_lane", run<exited_lane_kernel>};
const PlantedBug kShuffleFromOutside = {"shuffle_from_outside", run<shuffle_from_outside_kernel>};
const PlantedBug kDivergentShuffle = {"divergent_shuffle", run<divergent_shuffle_kernel>};
const PlantedBug kMisalignedCopy = {"misaligned_copy", run<misaligned_copy_kernel>};
const PlantedBug kTooLittleShared = {"too_little_shared", run<too_little_shared_kernel>};

}  // namespace gsx::kernels::GSX_BACKEND
