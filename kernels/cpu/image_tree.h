// Sums over images as a fixed binary tree, fed one image at a time: ((0 1)(2 3))(4 5)... It needs
// one partial sum per level, and the order of additions depends on the number of images alone.
#pragma once
#include <cstdint>

namespace gsx::kernels {

inline int tree_levels(int images) {
  int levels = 1;
  while ((int64_t{1} << levels) <= images) ++levels;
  return levels;
}

// Partial sums of `size` floats; levels[l] + offset holds level l's.
class ImageTree {
 public:
  ImageTree(float* levels, int64_t level_stride, int64_t size)
      : levels_(levels), stride_(level_stride), size_(size) {}

  // Folds image i, whose sums `current` holds, into the tree. Images come in order, from 0.
  void add(int image, float* current) const {
    int level = 0;
    for (; (image >> level & 1) != 0; ++level) join(levels_ + level * stride_, current);
    float* keep = levels_ + level * stride_;
    for (int64_t i = 0; i < size_; ++i) keep[i] = current[i];
  }

  // The total of `images` images, in `current`.
  void total(int images, float* current) const {
    bool first = true;
    for (int level = 0; images >> level != 0; ++level) {
      if ((images >> level & 1) == 0) continue;
      const float* left = levels_ + level * stride_;
      if (first) {
        for (int64_t i = 0; i < size_; ++i) current[i] = left[i];
      } else {
        join(left, current);
      }
      first = false;
    }
  }

 private:
  void join(const float* left, float* current) const {
    for (int64_t i = 0; i < size_; ++i) current[i] = left[i] + current[i];
  }

  float* levels_;
  int64_t stride_, size_;
};

}  // namespace gsx::kernels
