// The CPU's table of memory.h: the heap and mappings of its own for large blocks.
#include "kernels/cpu/host_memory.h"
#include "kernels/split.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <new>
#include <thread>

namespace gsx::kernels {

namespace {

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

constinit const MemoryKernels cpu_memory = memory_of_host(info, allocate, release);

}  // namespace gsx::kernels
