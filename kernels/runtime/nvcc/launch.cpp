// Launches on a CUDA device.
#include <cuda_runtime.h>

#include "kernels/runtime/launch.h"
#include "kernels/runtime/nvcc/check.h"

namespace gsx::kernels::cuda::gpu {

namespace {
dim3 dimensions(const Extent& e) {
  return {static_cast<unsigned>(e.x), static_cast<unsigned>(e.y), static_cast<unsigned>(e.z)};
}
constexpr size_t kSharedWithoutAsking = 48 * 1024;
}  // namespace

// Declared in gpu.h, which only nvcc can read.
void launch_kernel(const char* name, const void* function, Grid grid, Block block,
                   size_t shared_bytes, void* stream, void** arguments);

void launch_kernel(const char* name, const void* function, Grid grid, Block block,
                   size_t shared_bytes, void* stream, void** arguments) {
  check_launch(name, grid, block, shared_bytes);
  const std::string what = std::string("kernel ") + name;
  if (shared_bytes > kSharedWithoutAsking) {
    check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_bytes)),
          what);
  }
  cudaLaunchConfig_t config = {};
  config.gridDim = dimensions(grid);
  config.blockDim = dimensions(block);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = static_cast<cudaStream_t>(stream);
  check(cudaLaunchKernelExC(&config, function, arguments), what);
}

}  // namespace gsx::kernels::cuda::gpu
