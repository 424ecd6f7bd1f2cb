// The CPU's table of memory.h where there is no system below: in WebAssembly. One heap, which never
// gives its pages back.
#include "kernels/cpu/host_memory.h"
#include "kernels/split.h"

#include <emscripten/heap.h>

#include <cstdlib>

namespace gsx::kernels {

namespace {

void* allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  const size_t all = (bytes + kSplitGap - 1) / kSplitGap * kSplitGap;
  void* p = all < bytes ? nullptr : std::aligned_alloc(kSplitGap, all);
  if (p == nullptr) throw OutOfMemory("wasm: no memory for " + std::to_string(bytes) + " bytes");
  return p;
}

DeviceInfo info(int) {
  DeviceInfo info;
  info.name = "wasm";
  info.memory_bytes = static_cast<int64_t>(emscripten_get_heap_max());
  info.free_bytes = info.memory_bytes - static_cast<int64_t>(emscripten_get_heap_size());
  info.multiprocessors = 1;
  return info;
}

void release(void* p) { std::free(p); }

}  // namespace

// The heap's blocks go back whole.
bool split_cpu_block(void*, size_t) noexcept { return false; }

constinit const MemoryKernels cpu_memory = memory_of_host(info, allocate, release);

}  // namespace gsx::kernels
