// See device_access.h.
#include "kernels/runtime/emulated/device_access.h"

#include <cstring>

namespace gsx::kernels::emulated::gpu {

void load_device(void* to, const void* device, size_t bytes) { std::memcpy(to, device, bytes); }
void store_device(void* device, const void* from, size_t bytes) {
  std::memcpy(device, from, bytes);
}

}  // namespace gsx::kernels::emulated::gpu
