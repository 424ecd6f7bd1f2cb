// Cutting a set of correlations into tasks by shape alone.
#pragma once
#include "kernels/cpu/conv_geometry.h"
#include "kernels/cpu/conv_pack.h"

namespace gsx::kernels {

// Outputs [k0, k1) of output rows [row0, row1) of every correlation, in one image.
struct Task {
  int image = 0, row0 = 0, row1 = 0, k0 = 0, k1 = 0;
  Window window;  // the input they read
};

// Cuts by shape alone for sums whose order counts. Exact sums are the same however they are cut:
// their tasks become up to four times as large where `threads` threads have enough of them, so that
// weights are read, and rows that neighbours share copied, less often.
class Tasks {
 public:
  // Shares of the output channels are multiples of `k_step`.
  Tasks(const std::vector<Correlation>& parts, const View& in, const View& out, int k_step,
        int threads = 0);

  int64_t count() const { return int64_t{images_} * blocks_ * shares_; }
  Task at(int64_t index) const;
  int64_t largest_slab() const { return slab_; }  // elements
  int64_t most_pixels() const { return pixels_; }
  int64_t most_taps() const { return taps_; }

 private:
  Window window(int row0, int row1) const;

  const std::vector<Correlation>& parts_;
  int images_, rows_ = 0, outputs_;
  int block_ = 1, blocks_ = 1;  // rows of a block, blocks of an image
  int share_ = 0, shares_ = 1;  // output channels of a share, shares of a block
  int64_t slab_ = 0, pixels_ = 0, taps_ = 0;
};

}  // namespace gsx::kernels
