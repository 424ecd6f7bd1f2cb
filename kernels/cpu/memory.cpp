// The CPU's table of memory.h: the heap, no streams, and a clock for events.
#include "kernels/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace gsx::kernels {

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = size_t{2} << 20;

// Large blocks ask for huge pages, since kernels jump about in them and every jump would miss the
// table of small ones. The end that does not fill a huge page stays small, so nothing is wasted.
void* allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  const bool large = bytes >= kHugePage;
  const size_t alignment = large ? kHugePage : kAlignment;
  void* p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!p) throw OutOfMemory("cpu: no memory for " + std::to_string(bytes) + " bytes");
  if (large) madvise(p, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
  return p;
}

void release(void* p) { std::free(p); }

DeviceInfo info(int) {
  DeviceInfo info;
  const int64_t page = sysconf(_SC_PAGESIZE);
  info.name = "cpu";
  info.memory_bytes = sysconf(_SC_PHYS_PAGES) * page;
  info.free_bytes = sysconf(_SC_AVPHYS_PAGES) * page;
  info.multiprocessors = static_cast<int>(std::thread::hardware_concurrency());
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

[[noreturn]] void no_graphs() { throw Failure("cpu: there are no graphs"); }

}  // namespace

const MemoryKernels cpu_memory = {
    .device_count = [] { return 1; },
    .absence = [] { return std::string(); },
    .device_info = info,
    .select = [](int) {},
    .allocate = allocate,
    .release = release,
    .allocate_pinned = allocate,
    .release_pinned = release,
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
