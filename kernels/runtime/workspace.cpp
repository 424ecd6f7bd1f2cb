// Scratch memory: blocks that grow to the high-water mark; see exec.h.
#include <algorithm>

#include "kernels/exec.h"

namespace gsx::kernels {

namespace {
constexpr size_t kAlignment = 256;
constexpr size_t kSmallestBlock = size_t{1} << 20;
}  // namespace

Workspace::~Workspace() { release(); }

void* Workspace::take(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (mark_.block < blocks_.size() && mark_.used + bytes > blocks_[mark_.block].size) {
    mark_ = {mark_.block + 1, 0, mark_.in_earlier + mark_.used};
  }
  if (mark_.block == blocks_.size()) blocks_.push_back(allocate(std::max(bytes, kSmallestBlock)));
  void* p = blocks_[mark_.block].data + mark_.used;
  mark_.used += bytes;
  peak_ = std::max(peak_, mark_.in_earlier + mark_.used);
  return p;
}

void Workspace::rewind(const Mark& mark) {
  mark_ = mark;
  // Merge the blocks of a first, growing use into one, so that later uses never straddle.
  if (!keeps_ && mark.block == 0 && mark.used == 0 && blocks_.size() > 1) {
    release();
    blocks_.push_back(allocate(peak_ + peak_ / 8));
  }
}

Workspace::Block Workspace::allocate(size_t size) {
  return {static_cast<std::byte*>(memory_.allocate(size)), size};
}

void Workspace::release() {
  for (const Block& b : blocks_) memory_.release(b.data);
  blocks_.clear();
}

}  // namespace gsx::kernels
