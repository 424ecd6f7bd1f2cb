// The limits every launch must keep; see launch.h.
#include "kernels/runtime/launch.h"

namespace gsx::kernels {

namespace {
std::string text(const Extent& e) {
  return std::to_string(e.x) + " x " + std::to_string(e.y) + " x " + std::to_string(e.z);
}
bool within(const Extent& e, const Extent& most) {
  return e.x >= 1 && e.y >= 1 && e.z >= 1 && e.x <= most.x && e.y <= most.y && e.z <= most.z;
}
}  // namespace

void check_launch(const char* name, Grid grid, Block block, size_t shared_bytes) {
  const std::string kernel = std::string("kernel ") + name + ": ";
  if (!within(block, {1024, 1024, 64}) || block.count() > 1024) {
    throw Failure(kernel + "a block has 1 to 1024 threads (at most 64 deep), got " + text(block));
  }
  if (!within(grid, {0x7fffffff, 65535, 65535})) {
    throw Failure(kernel + "a grid has 1 to 2147483647 x 65535 x 65535 blocks, got " + text(grid));
  }
  if (shared_bytes > kMostSharedBytes) {
    throw Failure(kernel + "a block has at most " + std::to_string(kMostSharedBytes) +
                  " bytes of shared memory, got " + std::to_string(shared_bytes));
  }
}

}  // namespace gsx::kernels
