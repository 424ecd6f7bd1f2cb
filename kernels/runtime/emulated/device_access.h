// What the emulator itself reads and writes in the name of a CUDA thread: built with the
// sanitizers, so that they see it as the thread's.
#pragma once
#include <cstddef>

namespace gsx::kernels::emulated::gpu {

void load_device(void* to, const void* device, size_t bytes);
void store_device(void* device, const void* from, size_t bytes);

}  // namespace gsx::kernels::emulated::gpu
