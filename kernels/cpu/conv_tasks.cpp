// Block sizes: large enough to hide packing and hand-over, small enough for the cache and a pool.
#include "kernels/cpu/conv_tasks.h"

#include <algorithm>

namespace gsx::kernels {
namespace {

constexpr int64_t kTaskProducts = int64_t{1} << 22;  // multiply-adds of a task: about 0.1 ms
constexpr int64_t kTaskPixels = 48;                  // fewer make re-reading the weights felt
constexpr int64_t kSlabElements = 48 * 1024;  // of input per task: fits the second-level cache
constexpr int64_t kFewTasks = 8;              // below this, output channels are shared out too
constexpr int64_t kExactFactor = 4;           // how much larger tasks of exact sums may be
constexpr int64_t kTasksPerThread = 4;        // that suffice to keep threads equally busy

int blocks_of(int64_t a, int64_t block) { return static_cast<int>((a + block - 1) / block); }

}  // namespace

Tasks::Tasks(const std::vector<Correlation>& parts, const View& in, const View& out, int k_step,
             int threads)
    : parts_(parts), images_(out.n), outputs_(out.cs), share_(out.cs) {
  int64_t row_pixels = 0, row_products = 0;  // of one row of every correlation
  for (const Correlation& c : parts) {
    rows_ = std::max(rows_, c.y.count);
    taps_ = std::max<int64_t>(taps_, c.taps());
    row_pixels += c.x.count;
    row_products += int64_t{c.x.count} * c.taps() * in.c * out.cs;
  }
  const int64_t row_input = int64_t{parts.front().y.in_step} * in.w * in.cs;
  const auto rows_of = [&](int64_t factor) {
    const int64_t rows = std::max(factor * kTaskProducts / std::max<int64_t>(row_products, 1),
                                  factor * kTaskPixels / row_pixels);
    return std::min(rows, std::max<int64_t>(factor * kSlabElements / row_input, 1));
  };
  int64_t rows = rows_of(1);
  if (threads > 0) {
    const int64_t fair = int64_t{images_} * rows_ / (kTasksPerThread * threads);
    rows = std::max(rows, std::min(rows_of(kExactFactor), fair));
  }
  blocks_ = blocks_of(rows_, std::clamp<int64_t>(rows, 1, rows_));
  block_ = ceil_div(rows_, blocks_);
  blocks_ = ceil_div(rows_, block_);
  if (int64_t{images_} * blocks_ < kFewTasks && row_products * block_ > kTaskProducts / 8) {
    const int64_t wanted = blocks_of(kFewTasks, int64_t{images_} * blocks_);
    share_ = blocks_of(blocks_of(outputs_, wanted), k_step) * k_step;
    shares_ = ceil_div(outputs_, share_);
  }
  for (int b = 0; b < blocks_; ++b) {
    const Window w = window(b * block_, std::min((b + 1) * block_, rows_));
    slab_ = std::max(slab_, slab_size(w, in.cs));
  }
  for (const Correlation& c : parts) pixels_ = std::max(pixels_, int64_t{c.x.count} * block_);
}

Window Tasks::window(int row0, int row1) const {
  Window all;
  bool first = true;
  for (const Correlation& c : parts_) {
    const int end = std::min(row1, c.y.count);
    if (c.taps() == 0 || end <= row0) continue;
    const int y0 = c.y.in0 + row0 * c.y.in_step;
    const int y1 = c.y.in0 + (end - 1) * c.y.in_step + c.y.reach();
    const int x0 = c.x.in0, x1 = c.x.in0 + (c.x.count - 1) * c.x.in_step + c.x.reach();
    if (first) {
      all = {y0, x0, y1 - y0, x1 - x0};
      first = false;
      continue;
    }
    const int top = std::min(all.y, y0), left = std::min(all.x, x0);
    all = {top, left, std::max(all.y + all.h, y1) - top, std::max(all.x + all.w, x1) - left};
  }
  return all;
}

Task Tasks::at(int64_t index) const {
  Task t;
  t.k0 = static_cast<int>(index % shares_) * share_;
  t.k1 = std::min(t.k0 + share_, outputs_);
  index /= shares_;
  t.row0 = static_cast<int>(index % blocks_) * block_;
  t.row1 = std::min(t.row0 + block_, rows_);
  t.image = static_cast<int>(index / blocks_);
  t.window = window(t.row0, t.row1);
  return t;
}

}  // namespace gsx::kernels
