// numpy's shuffle over a Mersenne twister; see numpy_random.h.
#include "gs/eval/numpy_random.h"

#include <bit>
#include <numeric>
#include <utility>

namespace gsx {

std::vector<int> NumpyRandom::permutation(int n) {
  std::vector<int> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int i = n - 1; i > 0; --i) {
    // Uniform up to i: bits as wide as i, until they are no more than i.
    const uint32_t mask = (std::bit_ceil(static_cast<uint32_t>(i) + 1) - 1);
    uint32_t j = 0;
    do j = static_cast<uint32_t>(bits_()) & mask;
    while (j > static_cast<uint32_t>(i));
    std::swap(order[static_cast<size_t>(i)], order[j]);
  }
  return order;
}

std::vector<int> NumpyRandom::choice(int n, int size) {
  std::vector<int> order = permutation(n);
  order.resize(static_cast<size_t>(size));
  return order;
}

}  // namespace gsx
