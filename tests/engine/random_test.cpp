// Random numbers: known answers, states, distributions.
#include "engine/random.h"

#include <cmath>

#include "kernels/philox.h"
#include "tests/catch.h"

using namespace gsx;

TEST_CASE("philox gives the published answers") {
  // Random123's known-answer vectors for philox4x32-10: counter, key -> four words.
  const auto zero = kernels::philox_block({0, 0}, 0);
  CHECK((zero.v[0] == 0x6627e8d5u && zero.v[1] == 0xe169c58du && zero.v[2] == 0xbc57ac4cu &&
         zero.v[3] == 0x9b00dbd8u));
  const auto ones = kernels::philox_block({~uint64_t{0}, ~uint64_t{0}}, ~uint64_t{0});
  CHECK((ones.v[0] == 0x408f276du && ones.v[1] == 0x41c83b0eu && ones.v[2] == 0xa20bc7c6u &&
         ones.v[3] == 0x6d5451fdu));
  const auto pi =
      kernels::philox_block({0x299f31d0a4093822u, 0x0370734413198a2eu}, 0x85a308d3243f6a88u);
  CHECK((pi.v[0] == 0xd16cfe09u && pi.v[1] == 0x94fdccebu && pi.v[2] == 0x5001e420u &&
         pi.v[3] == 0x24126ea1u));
}

TEST_CASE("a state continues the same numbers") {
  Rng a(42, 7);
  for (int i = 0; i < 13; ++i) a.next();
  Rng b(a.state());
  for (int i = 0; i < 9; ++i) CHECK(a.next() == b.next());
  CHECK(a.state() == b.state());
  CHECK(Rng(42, 7).next() != Rng(42, 8).next());
  CHECK(Rng(42, 7).next() != Rng(43, 7).next());
}

TEST_CASE("fills draw what single calls draw, in logical order, at any thread count") {
  Rng one(5), two(5), three(5);
  one.next();
  two.next();
  three.next();
  const auto single = Context::create({.device = {}, .threads = 1}),
             many = Context::create({.device = {}, .threads = 3});
  const Shape shape{2, 9, 31, 23};
  const Tensor a = Tensor::empty(single, shape), b = Tensor::empty(many, shape);
  for (const bool normal : {false, true}) {
    if (normal) {
      one.fill_normal(a, 1, 2);
      two.fill_normal(b, 1, 2);
    } else {
      one.fill_uniform(a, -1, 3);
      two.fill_uniform(b, -1, 3);
    }
    const auto values = a.to_vector();
    CHECK(values == b.to_vector());
    for (const float v : values)
      REQUIRE(v == (normal ? std::fma(2.0f, three.normal(), 1.0f) : three.uniform(-1, 3)));
  }
  CHECK(one.state() == three.state());
}

TEST_CASE("distributions have their moments and bounds") {
  Rng rng(1);
  const int n = 40000;
  double sum = 0, squares = 0, fourth = 0, uniform = 0;
  for (int i = 0; i < n; ++i) {
    const double v = rng.normal();
    sum += v;
    squares += v * v;
    fourth += v * v * v * v;
    const double u = rng.uniform();
    REQUIRE((u >= 0 && u < 1));
    uniform += u;
    const float f = rng.uniform(2.0f, 2.5f);
    REQUIRE((f >= 2.0f && f < 2.5f));
  }
  CHECK(std::fabs(sum / n) < 0.02);
  CHECK(squares / n == Approx(1).margin(0.03));
  CHECK(fourth / n == Approx(3).margin(0.2));
  CHECK(uniform / n == Approx(0.5).margin(0.01));
}

TEST_CASE("below is unbiased over small and large ranges") {
  Rng rng(3);
  std::vector<int> counts(5);
  for (int i = 0; i < 20000; ++i) ++counts[static_cast<size_t>(rng.below(5))];
  for (const int c : counts) CHECK(std::abs(c - 4000) < 250);
  for (int i = 0; i < 100; ++i) {
    const int64_t v = rng.below((int64_t{1} << 62) + 1);
    REQUIRE((v >= 0 && v <= (int64_t{1} << 62)));
  }
  CHECK(rng.below(1) == 0);
  CHECK_THROWS_WITH(rng.below(0), "random: below(n) needs a positive n, got 0");
}
