// Random numbers as numpy's RandomState draws them, because the tools of others choose subsets and
// orders of images with it.
#pragma once
#include <cstdint>
#include <random>
#include <vector>

namespace gsx {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : bits_(seed) {}
  // The numbers 0 .. n-1 in random order; numpy's permutation(n).
  std::vector<int> permutation(int n);
  // `size` of them, none twice; numpy's choice(n, size, replace=False).
  std::vector<int> choice(int n, int size);

 private:
  std::mt19937 bits_;
};

}  // namespace gsx
