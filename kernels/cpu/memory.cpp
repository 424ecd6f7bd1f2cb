// The CPU's table of memory.h: the heap, no streams, and a clock for events.
#include "kernels/memory.h"
#include "kernels/split.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

namespace gsx::kernels {

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kAlignment = kSplitGap;  // 256, as GPUs give it
constexpr size_t kHugePage = size_t{2} << 20;

// In front of every block: how long its mapping is; 0 for blocks of the heap.
struct alignas(kAlignment) Header {
  size_t mapped;
};

[[noreturn]] void fail(size_t bytes) {
  throw OutOfMemory("cpu: no memory for " + std::to_string(bytes) + " bytes");
}

// Whole pages of the system's, from a multiple of kHugePage on.
std::byte* map(size_t bytes) {
  const size_t wide = bytes + kHugePage;
  void* all = mmap(nullptr, wide, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) fail(bytes);
  auto* begin = static_cast<std::byte*>(all);
  const size_t skip = (kHugePage - reinterpret_cast<uintptr_t>(begin) % kHugePage) % kHugePage;
  if (skip > 0) munmap(begin, skip);
  munmap(begin + skip + bytes, kHugePage - skip);
  return begin + skip;
}

// Large blocks are mappings of their own: the heap would keep them when they are released. They ask
// for huge pages, since kernels jump about in them and every jump would miss the table of small
// ones. The end that does not fill a huge page stays small, so nothing is wasted.
void* allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > PTRDIFF_MAX - 2 * kHugePage) fail(bytes);
  const size_t all = sizeof(Header) + (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (bytes < kHugePage) {
    void* p = std::aligned_alloc(kAlignment, all);
    if (!p) fail(bytes);
    return new (p) Header{0} + 1;
  }
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t mapped = (all + page - 1) / page * page;
  std::byte* p = map(mapped);
  madvise(p, mapped / kHugePage * kHugePage, MADV_HUGEPAGE);
  return new (p) Header{mapped} + 1;
}

void release(void* p) {
  if (!p) return;
  Header* header = static_cast<Header*>(p) - 1;
  if (header->mapped > 0) munmap(header, header->mapped);
  else std::free(header);
}

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

// A mapping's pages can go back one by one: all that a part needs is a header of its own.
bool split_cpu_block(void* block, size_t at) noexcept {
  Header* first = static_cast<Header*>(block) - 1;
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  if (first->mapped <= at || at % page != 0) return false;
  new (reinterpret_cast<std::byte*>(first) + at) Header{first->mapped - at};
  first->mapped = at;
  return true;
}

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
