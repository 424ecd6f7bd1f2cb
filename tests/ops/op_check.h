// Runs one differentiable op in every way that could show a fault: against a reference in plain
// double loops, gradients against differences of that reference, at 1 to 3 threads, on every
// instruction set, on the emulated GPU under three schedules, over poisoned memory, repeated, with
// each subset of inputs that wants a gradient.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/ops.h"
#include "tests/catch.h"

namespace op_check {

using gsx::Layout;
using gsx::Shape;
using gsx::Tensor;

// Values in logical order (N C H W, K C R S, row-major).
struct Array {
  Shape shape;
  std::vector<double> v;

  Array() = default;
  explicit Array(const Shape& s) : shape(s), v(static_cast<size_t>(s.numel())) {}
  int64_t dim(int i) const { return shape[i]; }
  double& operator()(int64_t n, int64_t c, int64_t h, int64_t w) { return v[index(n, c, h, w)]; }
  double operator()(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return v[index(n, c, h, w)];
  }
  double& operator()(int64_t i, int64_t j) { return v[static_cast<size_t>(i * shape[1] + j)]; }
  double operator()(int64_t i, int64_t j) const { return v[static_cast<size_t>(i * shape[1] + j)]; }

 private:
  size_t index(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return static_cast<size_t>(((n * shape[1] + c) * shape[2] + h) * shape[3] + w);
  }
};
using Arrays = std::vector<Array>;

// Calls f(n, c, h, w) for every element of an image shape.
template <class F>
void each(const Shape& s, F&& f) {
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t c = 0; c < s[1]; ++c)
      for (int64_t h = 0; h < s[2]; ++h)
        for (int64_t w = 0; w < s[3]; ++w) f(n, c, h, w);
}

struct Input {
  Shape shape;
  Layout layout = Layout::dense;       // of rank 4: image unless `filter` is asked for
  double lo = -1.8, hi = 1.8;          // values are uniform in between ...
  std::vector<double> away_from = {};  // ... but 0.05 away from these
  bool differentiable = true;
};

struct Case {
  std::string name;
  std::vector<Input> inputs;
  std::function<Tensor(const std::vector<Tensor>&)> run;
  std::function<Array(const Arrays&)> reference;
  // What is differentiated instead of `reference` where the gradient is defined otherwise
  // (straight-through estimators). Undefined: the reference.
  std::function<Array(const Arrays&)> surrogate = {};
  double tolerance = 1e-5;           // of values, relative to the largest
  double gradient_tolerance = 1e-5;  // of gradients, likewise
  double step = 1e-5;                // of the differences; small where kinks lie close
};

void check(const Case&);

// Random tensor values as `check` draws them, for tests that need their own.
std::vector<float> random_values(const Input&, uint64_t seed);
Array to_array(const Tensor&);
// The largest difference, relative to the largest value of `want`.
double relative_error(const std::vector<float>& got, const std::vector<double>& want);
bool padding_is_zero(const Tensor&);
bool same_bits(const Tensor&, const Tensor&);

}  // namespace op_check
