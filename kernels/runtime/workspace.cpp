// Scratch memory: blocks that grow to the high-water mark; see exec.h.
#include <algorithm>

#include "kernels/exec.h"
#include "kernels/shortage.h"

namespace gsx::kernels {

namespace {
constexpr size_t kAlignment = 256;
constexpr size_t kSmallestBlock = size_t{1} << 20;

size_t megabytes(size_t bytes) { return (bytes + 999'999) / 1'000'000; }
}  // namespace

Workspace::~Workspace() { release(); }

void* Workspace::take(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  Mark mark = mark_;
  while (mark.block < blocks_.size() && mark.used + bytes > blocks_[mark.block].size) {
    mark = {mark.block + 1, 0, mark.in_earlier + mark.used};
  }
  if (mark.block == blocks_.size()) {
    blocks_.reserve(blocks_.size() + 1);
    const size_t size = std::max(bytes, kSmallestBlock), merged = peak_ + peak_ / 8;
    blocks_.push_back(allocate(blocks_.empty() ? std::max(size, merged) : size));
  }
  mark_ = mark;
  void* p = blocks_[mark_.block].data + mark_.used;
  mark_.used += bytes;
  peak_ = std::max(peak_, mark_.in_earlier + mark_.used);
  return p;
}

// Runs in destructors, so it only gives back: the blocks of a first, growing use go, and the next
// use takes one in their place, so that later uses never straddle.
void Workspace::rewind(const Mark& mark) {
  mark_ = mark;
  if (!keeps_ && mark.block == 0 && mark.used == 0 && blocks_.size() > 1) release();
}

Workspace::Block Workspace::allocate(size_t size) {
  try {
    return {static_cast<std::byte*>(memory_.allocate(size)), size};
  } catch (const OutOfMemory&) {
    give_back_kept_memory();
  }
  try {
    return {static_cast<std::byte*>(memory_.allocate(size)), size};
  } catch (const OutOfMemory& e) {
    throw OutOfMemory("out of memory: scratch needs another " + std::to_string(megabytes(size)) +
                      " MB that are not to be had (" + e.what() +
                      "); smaller images or batches need less");
  }
}

void Workspace::release() {
  for (const Block& b : blocks_) memory_.release(b.data);
  blocks_.clear();
}

}  // namespace gsx::kernels
