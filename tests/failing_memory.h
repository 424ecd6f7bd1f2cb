// The processor's memory, counted, that can be told to run out.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>

#include "kernels/memory.h"

namespace gsx::test {

struct MemoryCounts {
  std::mutex mutex;
  std::map<void*, size_t> live;
  size_t held = 0, most_held = 0;
  int64_t allocations = 0;
  int64_t fails_from = INT64_MAX;  // from this allocation on there is no more ...
  int64_t works_from = INT64_MAX;  // ... until this one
};

inline MemoryCounts& memory_counts() {
  static MemoryCounts counts;
  return counts;
}

// Everything but what is live starts over.
inline void reset_memory_counts() {
  MemoryCounts& m = memory_counts();
  std::lock_guard lock(m.mutex);
  m.most_held = m.held;
  m.allocations = 0;
  m.fails_from = m.works_from = INT64_MAX;
}

inline const kernels::MemoryKernels& failing_memory() {
  static const kernels::MemoryKernels memory = [] {
    kernels::MemoryKernels m = kernels::cpu_memory;
    m.allocate = [](size_t bytes) {
      MemoryCounts& c = memory_counts();
      std::lock_guard lock(c.mutex);
      const int64_t n = c.allocations++;
      if (n >= c.fails_from && n < c.works_from) throw kernels::OutOfMemory("test: no more");
      void* p = kernels::cpu_memory.allocate(bytes);
      if (p) c.live[p] = bytes;
      c.held += bytes;
      c.most_held = std::max(c.most_held, c.held);
      return p;
    };
    m.release = [](void* p) {
      MemoryCounts& c = memory_counts();
      std::lock_guard lock(c.mutex);
      if (const auto found = c.live.find(p); found != c.live.end()) {
        c.held -= found->second;
        c.live.erase(found);
      }
      kernels::cpu_memory.release(p);
    };
    return m;
  }();
  return memory;
}

}  // namespace gsx::test
