// Division by multiplication over the whole range it is used in: every divisor's turning points.
#include "kernels/cuda/fast_divide.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>

#include "tests/catch.h"

using gsx::kernels::emulated::FastDivide;

namespace {

constexpr int kMost = std::numeric_limits<int>::max();

// Quotients can only go wrong next to multiples of the divisor, and worst at the largest.
void check(int divisor) {
  const FastDivide divide = FastDivide::by(divisor);
  const int64_t largest = kMost / divisor;
  for (const int64_t quotient :
       {int64_t{0}, int64_t{1}, int64_t{2}, largest / 3, largest / 2, largest - 1, largest}) {
    for (int64_t n = quotient * divisor - 1; n <= quotient * divisor + 1; ++n) {
      if (n < 0 || n > kMost) continue;
      if (divide(static_cast<int>(n)) != n / divisor) FAIL(n << " / " << divisor);
    }
  }
  if (divide(kMost) != kMost / divisor) FAIL(kMost << " / " << divisor);
}

}  // namespace

TEST_CASE("division by multiplication is exact") {
  for (int divisor = 1; divisor <= 70000; ++divisor) check(divisor);
  for (int shift = 16; shift < 31; ++shift) {
    for (int d = (1 << shift) - 2; d <= (1 << shift) + 2; ++d) check(d);
  }
  for (int d = kMost - 100; d < kMost; ++d) check(d);
  check(kMost);
  std::mt19937 generator(1);
  std::uniform_int_distribution<int> any(1, kMost), numerator(0, kMost);
  for (int i = 0; i < 100000; ++i) {
    const int d = any(generator) >> any(generator) % 31, n = numerator(generator);
    check(std::max(1, d));
    REQUIRE(FastDivide::by(std::max(1, d))(n) == n / std::max(1, d));
  }
}

TEST_CASE("division by multiplication is exact for every numerator of small images") {
  for (const int divisor : {1, 3, 5, 7, 33, 64, 255, 257, 1000}) {
    const FastDivide divide = FastDivide::by(divisor);
    for (int n = 0; n < 300000; ++n) {
      if (divide(n) != n / divisor) FAIL(n << " / " << divisor);
    }
  }
}
