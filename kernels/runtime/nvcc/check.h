// CUDA's error codes as Failures.
#pragma once
#include <cuda_runtime.h>

#include <string>

#include "kernels/memory.h"

namespace gsx::kernels::cuda {

// Throws unless all went well: "cuda: WHAT: CUDA's message".
inline void check(cudaError_t error, const std::string& what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // the next call starts clean, where the device still can
  const std::string text = "cuda: " + what + ": " + cudaGetErrorString(error);
  if (error == cudaErrorMemoryAllocation) throw OutOfMemory(text);
  throw Failure(text);
}

}  // namespace gsx::kernels::cuda
