// A context's caching allocator: what tensors give back is kept and handed out again.
#pragma once
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/context.h"
#include "kernels/memory.h"

namespace gsx {

class Allocator {
 public:
  // Blocks handed out while work is recorded: the recorded graph uses them whenever it is replayed,
  // so nobody else may, whether a tensor still holds them or not.
  struct Private {
    std::map<size_t, std::vector<void*>> idle;  // given back, by size
  };

  // exact: blocks have the size asked for, and nothing is kept.
  Allocator(const kernels::MemoryKernels& memory, bool exact) : memory_(memory), exact_(exact) {}
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  ~Allocator() { release_cache(); }  // the device must be selected

  struct Block {
    void* data;
    size_t size;  // at least what was asked for
  };
  Block allocate(size_t bytes);
  void deallocate(void* p, size_t bytes) noexcept;  // bytes: as allocated
  void release_cache();

  // What is allocated from now on belongs to these blocks, which must live until disown(); null:
  // to nobody.
  void own(Private* blocks);
  // Their memory is like all other from now on.
  void disown(Private& blocks);

  MemoryStats stats() const;
  void reset_peak();

 private:
  size_t block_size(size_t bytes) const;
  void* take(std::map<size_t, std::vector<void*>>& from, size_t size);
  void* fresh(size_t size);
  void keep_or_release(void* p, size_t size);
  void release_all();

  const kernels::MemoryKernels& memory_;
  const bool exact_;
  mutable std::mutex mutex_;
  std::map<size_t, std::vector<void*>> cache_;  // by size
  std::unordered_map<void*, Private*> owners_;
  Private* owner_ = nullptr;  // of what is allocated now
  MemoryStats stats_;
};

}  // namespace gsx
