// The cp.async copies of one thread that are on their way. Their bytes are taken when the copy is
// asked for but land only at the wait for their group; until then the target holds NaN. So a
// missing wait shows, and so does a target that others still read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gsx::kernels::emulated::gpu {

class AsyncCopies {
 public:
  void start(void* to, const void* from, size_t bytes);  // from null: zeros
  void commit() { ++group_; }
  void wait(int pending);  // lands all groups but the youngest `pending`
  void clear() { copies_.clear(); }

 private:
  struct Copy {
    void* to;
    size_t bytes;
    uint64_t group;
    alignas(16) std::byte data[16];
  };
  std::vector<Copy> copies_;  // oldest first
  uint64_t group_ = 0;        // the one that is not committed yet
};

}  // namespace gsx::kernels::emulated::gpu
