// The CPU's table of memory.h where there is no system below: in WebAssembly. One heap, which never
// gives its pages back, and a clock for events.
#include "kernels/memory.h"
#include "kernels/split.h"

#include <emscripten/heap.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

namespace gsx::kernels {

namespace {

using Clock = std::chrono::steady_clock;

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

void copy(void* to, const void* from, size_t bytes, void*) {
  if (bytes > 0) std::memmove(to, from, bytes);
}

void fill(void* p, int byte, size_t bytes, void*) {
  if (bytes > 0) std::memset(p, byte, bytes);
}

void fill_rows(void* p, size_t pitch, int byte, size_t width, size_t rows, void*) {
  for (size_t i = 0; i < rows; ++i) fill(static_cast<char*>(p) + i * pitch, byte, width, nullptr);
}

double elapsed_ms(void* from, void* to) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return Milliseconds(*static_cast<Clock::time_point*>(to) - *static_cast<Clock::time_point*>(from))
      .count();
}

[[noreturn]] void no_graphs() { throw Failure("wasm: there are no graphs"); }

}  // namespace

// The heap's blocks go back whole.
bool split_cpu_block(void*, size_t) noexcept { return false; }

const MemoryKernels cpu_memory = {
    .device_count = [] { return 1; },
    .absence = [] { return std::string(); },
    .device_info = info,
    .select = [](int) {},
    .allocate = allocate,
    .release = [](void* p) { std::free(p); },
    .allocate_pinned = allocate,
    .release_pinned = [](void* p) { std::free(p); },
    .copy = copy,
    .fill = fill,
    .fill_rows = fill_rows,
    .create_stream = []() -> void* { return nullptr; },
    .destroy_stream = [](void*) {},
    .synchronize = [](void*) {},
    .create_event = []() -> void* { return new Clock::time_point(Clock::now()); },
    .destroy_event = [](void* event) { delete static_cast<Clock::time_point*>(event); },
    .record_event = [](void* event,
                       void*) { *static_cast<Clock::time_point*>(event) = Clock::now(); },
    .wait_event = [](void*, void*) {},
    .synchronize_event = [](void*) {},
    .elapsed_ms = elapsed_ms,
    .graphs = false,
    .begin_capture = [](void*) { no_graphs(); },
    .end_capture = [](void*) -> void* { no_graphs(); },
    .replay = [](void*, void*) { no_graphs(); },
    .destroy_graph = [](void*) {},
};

}  // namespace gsx::kernels
