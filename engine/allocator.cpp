// Blocks by size, and whose they are; see allocator.h.
#include "engine/allocator.h"

#include <algorithm>

#include "engine/error.h"

namespace gsx {

namespace {

// Sizes are rounded so that tensors of nearly equal size share cached blocks: at most 1/8 is lost.
size_t rounded(size_t bytes) {
  if (bytes <= 512) return 512;
  size_t step = 64;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

}  // namespace

size_t Allocator::block_size(size_t bytes) const {
  return exact_ ? std::max<size_t>(bytes, 1) : rounded(bytes);
}

Allocator::Block Allocator::allocate(size_t bytes) {
  const size_t size = block_size(bytes);
  std::lock_guard lock(mutex_);
  void* p = owner_ ? take(owner_->idle, size) : nullptr;
  if (!p) p = take(cache_, size);
  if (!p) p = fresh(size);
  if (owner_) owners_[p] = owner_;
  stats_.current_bytes += size;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
  return {p, size};
}

void Allocator::deallocate(void* p, size_t bytes) noexcept {
  const size_t size = block_size(bytes);
  std::lock_guard lock(mutex_);
  stats_.current_bytes -= size;
  if (const auto owned = owners_.find(p); owned != owners_.end()) {
    stats_.cached_bytes += size;
    owned->second->idle[size].push_back(p);
  } else {
    keep_or_release(p, size);
  }
}

void Allocator::release_cache() {
  std::lock_guard lock(mutex_);
  release_all();
}

void Allocator::own(Private* blocks) {
  std::lock_guard lock(mutex_);
  owner_ = blocks;
}

void Allocator::disown(Private& blocks) {
  std::lock_guard lock(mutex_);
  std::erase_if(owners_, [&](const auto& owned) { return owned.second == &blocks; });
  for (const auto& [size, idle] : blocks.idle) {
    stats_.cached_bytes -= size * idle.size();
    for (void* p : idle) keep_or_release(p, size);
  }
  blocks.idle.clear();
}

MemoryStats Allocator::stats() const {
  std::lock_guard lock(mutex_);
  return stats_;
}

void Allocator::reset_peak() {
  std::lock_guard lock(mutex_);
  stats_.peak_bytes = stats_.current_bytes;
}

// A block of this size from a store, or null.
void* Allocator::take(std::map<size_t, std::vector<void*>>& from, size_t size) {
  const auto it = from.find(size);
  if (it == from.end() || it->second.empty()) return nullptr;
  void* p = it->second.back();
  it->second.pop_back();
  stats_.cached_bytes -= size;
  return p;
}

void* Allocator::fresh(size_t size) {
  try {
    return memory_.allocate(size);
  } catch (const kernels::OutOfMemory&) {
    release_all();
  }
  try {
    return memory_.allocate(size);
  } catch (const kernels::OutOfMemory& e) {
    fail(e.what(), "; tensors hold ", stats_.current_bytes,
         " bytes; smaller pictures or batches need less");
  }
}

void Allocator::keep_or_release(void* p, size_t size) {
  if (exact_) return memory_.release(p);
  stats_.cached_bytes += size;
  cache_[size].push_back(p);
}

void Allocator::release_all() {
  for (auto& [size, blocks] : cache_) {
    for (void* p : blocks) memory_.release(p);
    stats_.cached_bytes -= size * blocks.size();
  }
  cache_.clear();
}

}  // namespace gsx
