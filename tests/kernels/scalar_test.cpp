// The shared one-element mathematics against libm in double.
#include <cmath>
#include <numbers>

#include "kernels/scalar.h"
#include "tests/catch.h"

namespace scalar = gsx::kernels::scalar;

namespace {

// The largest relative error of f against want over `count` points of [lo, hi].
template <class F, class G>
double worst(double lo, double hi, F f, G want) {
  constexpr int kCount = 20000;
  double error = 0;
  for (int i = 0; i <= kCount; ++i) {
    const float x = static_cast<float>(lo + (hi - lo) * i / kCount);
    const double truth = want(static_cast<double>(x));
    if (truth == 0) continue;
    error = std::max(error, std::fabs((static_cast<double>(f(x)) - truth) / truth));
  }
  return error;
}

}  // namespace

TEST_CASE("scalar functions stay close to the truth") {
  CHECK(worst(-87, 88, scalar::exp, [](double x) { return std::exp(x); }) < 1.5e-7);
  CHECK(worst(-1, 1, scalar::exp, [](double x) { return std::exp(x); }) < 1.2e-7);
  CHECK(worst(1e-37, 1e-30, scalar::log, [](double x) { return std::log(x); }) < 1.5e-7);
  CHECK(worst(0.4, 2.5, scalar::log, [](double x) { return std::log(x); }) < 2e-7);
  CHECK(worst(2, 1e30, scalar::log, [](double x) { return std::log(x); }) < 1.5e-7);
  CHECK(worst(-10, 10, scalar::tanh, [](double x) { return std::tanh(x); }) < 2.5e-7);
  CHECK(worst(-1e-3, 1e-3, scalar::tanh, [](double x) { return std::tanh(x); }) < 1.5e-7);
  CHECK(worst(-80, 80, scalar::sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }) < 3e-7);
  CHECK(worst(-80, 80, scalar::softplus, [](double x) {
          return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
        }) < 3e-7);
}

TEST_CASE("cos_turns is accurate on the whole circle and exact on its quarters") {
  double error = 0;
  for (int i = 0; i < 40000; ++i) {
    const float u = static_cast<float>(i) / 40000;
    error = std::max(error, std::fabs(scalar::cos_turns(u) - std::cos(2 * std::numbers::pi * u)));
  }
  CHECK(error < 1.5e-7);
  CHECK(scalar::cos_turns(0) == 1);
  CHECK(scalar::cos_turns(0.25f) == 0);
  CHECK(scalar::cos_turns(0.5f) == -1);
  CHECK(scalar::cos_turns(0.75f) == 0);
  CHECK(scalar::cos_turns(1) == 1);
}

TEST_CASE("rounding is to even, and NaN passes clamps") {
  CHECK(scalar::round_half_even(0.5f) == 0);
  CHECK(scalar::round_half_even(1.5f) == 2);
  CHECK(scalar::round_half_even(2.5f) == 2);
  CHECK(scalar::round_half_even(-0.5f) == 0);
  CHECK(scalar::round_half_even(-1.5f) == -2);
  CHECK(scalar::round_half_even(63.5f) == 64);
  CHECK(std::isnan(scalar::clamp(std::nanf(""), 0, 1)));
  CHECK(std::isnan(scalar::activate<gsx::kernels::Activation::relu>(std::nanf(""), 0)));
}

TEST_CASE("requantisation is one fma and the quantiser") {
  const gsx::kernels::Quantizer q{0.5f, 2.0f, 0, 255, 0, 127.5f};
  CHECK(scalar::requantized_value(100, 0.25f, 1.25f, q) == 52);  // 26.25 / 0.5 = 52.5, to even
  CHECK(scalar::requantized_value(-100, 0.25f, 1.25f, q) == 0);
  CHECK(scalar::requantized_value(10000, 0.25f, 1.25f, q) == 255);
}
