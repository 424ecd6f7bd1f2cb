// Planted bugs that give wrong results or are seen by sanitizers; see planted_kernels.h.
#include "gpu.h"
#include "tests/emulator/planted_kernels.h"

namespace gsx::kernels::GSX_BACKEND {

constexpr int kThreads = 64;

struct ReversedShared {
  float values[kThreads];
};

__global__ void reversed_kernel(const float* x, float* y) {
  ReversedShared& s = dynamic_shared<ReversedShared>();
  const int t = threadIdx.x;
  float sum = 0;
  for (int round = 0; round < 4; ++round) {
    s.values[t] = static_cast<float>(round) * x[t];
    __syncthreads();
    sum += s.values[kThreads - 1 - t] - (static_cast<float>(round) - 0.5f) * x[kThreads - 1 - t];
    __syncthreads();
  }
  y[t] = sum;
}

__global__ void missing_barrier_kernel(const float* x, float* y) {
  ReversedShared& s = dynamic_shared<ReversedShared>();
  const int t = threadIdx.x;
  s.values[t] = 2 * x[t];
  y[t] = s.values[kThreads - 1 - t];
}

__global__ void reused_buffer_kernel(const float* x, float* y) {
  ReversedShared& s = dynamic_shared<ReversedShared>();
  const int t = threadIdx.x;
  float sum = 0;
  for (int round = 0; round < 4; ++round) {
    s.values[t] = static_cast<float>(round) * x[t];
    __syncthreads();
    sum += s.values[kThreads - 1 - t] - (static_cast<float>(round) - 0.5f) * x[kThreads - 1 - t];
    // Here a slow thread still reads what a fast one writes in the next round.
  }
  y[t] = sum;
}

__global__ void missing_wait_kernel(const float* x, float* y) {
  ReversedShared& s = dynamic_shared<ReversedShared>();
  const int t = threadIdx.x;
  gpu::cp_async4(&s.values[t], x + t);
  gpu::cp_async_commit();
  __syncthreads();
  y[t] = 2 * s.values[kThreads - 1 - t];
}

// The copy of the next round starts while others may still read this round's values.
__global__ void reused_target_kernel(const float* x, float* y) {
  ReversedShared& s = dynamic_shared<ReversedShared>();
  const int t = threadIdx.x;
  const auto start = [&] {
    gpu::cp_async4(&s.values[t], x + t);
    gpu::cp_async_commit();
  };
  float sum = 0;
  start();
  for (int round = 0; round < 4; ++round) {
    gpu::cp_async_wait<0>();
    __syncthreads();
    sum += 0.5f * s.values[kThreads - 1 - t];
    start();
  }
  y[t] = sum;
}

__global__ void global_out_of_bounds_kernel(const float* x, float* y) {
  const int t = threadIdx.x;
  y[t] = 2 * x[kThreads - t];  // one too far for t = 0
}

__global__ void shared_out_of_bounds_kernel(const float* x, float* y) {
  ReversedShared& s = dynamic_shared<ReversedShared>();
  const int t = threadIdx.x;
  s.values[t + 1] = 2 * x[t];
  __syncthreads();
  y[t] = s.values[kThreads - 1 - t];
}

__global__ void copy_out_of_bounds_kernel(const float* x, float* y) {
  ReversedShared& s = dynamic_shared<ReversedShared>();
  const int t = threadIdx.x;
  gpu::cp_async4(&s.values[t], x + t + 1);
  gpu::cp_async_commit();
  gpu::cp_async_wait<0>();
  __syncthreads();
  y[t] = 2 * s.values[kThreads - 1 - t];
}

__global__ void non_atomic_update_kernel(const float* x, float* y) { y[0] += x[threadIdx.x]; }

// Two blocks of one thread each.
__global__ void update_by_blocks_kernel(const float* x, float* y) { y[0] += x[blockIdx.x]; }

template <void (*kernel)(const float*, float*), int blocks = 1, int threads = kThreads>
void run(const float* x, float* y) {
  gpu::launch("planted", kernel, {blocks}, {threads}, sizeof(ReversedShared), nullptr, x, y);
}

const PlantedBug kReversed = {"reversed", run<reversed_kernel>};
const PlantedBug kMissingBarrier = {"missing_barrier", run<missing_barrier_kernel>};
const PlantedBug kReusedBuffer = {"reused_buffer", run<reused_buffer_kernel>};
const PlantedBug kMissingWait = {"missing_wait", run<missing_wait_kernel>};
const PlantedBug kReusedTarget = {"reused_target", run<reused_target_kernel>};
const PlantedBug kGlobalOutOfBounds = {"global_out_of_bounds", run<global_out_of_bounds_kernel>};
const PlantedBug kSharedOutOfBounds = {"shared_out_of_bounds", run<shared_out_of_bounds_kernel>};
const PlantedBug kCopyOutOfBounds = {"copy_out_of_bounds", run<copy_out_of_bounds_kernel>};
const PlantedBug kNonAtomicUpdate = {"non_atomic_update", run<non_atomic_update_kernel>};
const PlantedBug kUpdateByBlocks = {"update_by_blocks", run<update_by_blocks_kernel, 2, 1>};

}  // namespace gsx::kernels::GSX_BACKEND
