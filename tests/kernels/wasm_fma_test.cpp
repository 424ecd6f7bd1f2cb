// The fma of the build for WebAssembly against the machine's.
#include <cmath>
#include <cstring>
#include <random>

#include "kernels/wasm/fma.h"
#include "tests/catch.h"

namespace {

float float_of(uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, sizeof f);
  return f;
}

// Equal, or both not a number.
bool same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
}

}  // namespace

TEST_CASE("wasm: fma rounds once, whatever the numbers") {
  std::mt19937 random(5);
  int wrong = 0;
  const auto check = [&](float a, float b, float c) {
    wrong += !same(gsx::kernels::wasm::fma(a, b, c), std::fma(a, b, c));
  };
  for (int i = 0; i < 1'000'000; ++i)
    check(float_of(random()), float_of(random()), float_of(random()));
  // Near each other, where sums lose the product's last bits or cancel it; ties are frequent.
  for (int i = 0; i < 1'000'000; ++i) {
    const float a = float_of(0x3f800000u + (random() & 0xffff)),
                b = float_of(0x3f800000u + (random() & 0xff));
    const int power = static_cast<int>(random() % 60) - 30;
    const float c = std::ldexp(float_of(0x3f800000u + (random() & 0x7)), power);
    check(a, b, c);
    check(a, b, -c);
    check(-a, b, c);
    check(a, b, -a * b);
  }
  const float odd[] = {0.0f,   -0.0f,   INFINITY, -INFINITY, NAN,
                       1e-45f, -1e-45f, 3.4e38f,  1e-38f,    1.0f};
  for (const float a : odd)
    for (const float b : odd)
      for (const float c : odd) check(a, b, c);
  CHECK(wrong == 0);
}
