// CUDA's elementwise passes against the CPU's.
#include <cmath>

#include "kernels/cuda/tables.h"
#include "tests/gpu_kernels/twin.h"

using namespace gsx::kernels;
using twin::Run;

namespace {

const int64_t kSizes[] = {0, 1, 3, 7, 33, 257, 1024, 4099};
const Rows kRows[] = {{1, 1, 1},    {7, 3, 3},   {33, 5, 8},     {257, 8, 8},
                      {19, 37, 40}, {1, 33, 40}, {65, 136, 136}, {300, 9, 16}};
const Activation kActivations[] = {Activation::none, Activation::relu, Activation::leaky_relu,
                                   Activation::tanh, Activation::sigmoid};

void compare(auto&& f) {
  for (const int offset : {0, 1}) {
    twin::compare(cpu_elementwise, emulated::elementwise, 0, f, offset);
  }
}

}  // namespace

TEST_CASE("elementwise functions of all elements have the CPU's bits") {
  for (const int64_t n : kSizes) {
    INFO("n " << n);
    const auto a = twin::random_floats(n, 1), b = twin::random_floats(n, 2);
    compare([&](auto& k, Run& r) { k.accumulate(r.exec, n, r.in(a), r.inout(b)); });
    compare([&](auto& k, Run& r) { k.add(r.exec, n, r.in(a), r.in(b), r.out(n)); });
    compare([&](auto& k, Run& r) { k.sub(r.exec, n, r.in(a), r.in(b), r.out(n)); });
    compare([&](auto& k, Run& r) { k.mul(r.exec, n, r.in(a), r.in(b), r.out(n)); });
  }
}

TEST_CASE("elementwise functions work in place") {
  const auto a = twin::random_floats(257, 1), b = twin::random_floats(257, 2);
  compare([&](auto& k, Run& r) {
    float* y = r.inout(a);
    k.sub(r.exec, 257, y, r.in(b), y);
    k.mul(r.exec, 257, y, y, y);
    k.activate(r.exec, {257, 1, 1}, Activation::tanh, 0, y, y);
  });
}

TEST_CASE("elementwise functions of rows have the CPU's bits and clear padding lanes") {
  for (const Rows& rows : kRows) {
    INFO("rows " << rows.rows << " of " << rows.c << " in " << rows.cs);
    const auto x = twin::random_rows(rows, 1);
    const int c = static_cast<int>(rows.c), cs = static_cast<int>(rows.cs);
    const auto out = [&](Run& r) { return r.out(rows.size(), c, cs); };
    const twin::Floats value = {1.7f};
    compare([&](auto& k, Run& r) { k.affine(r.exec, rows, 0.3f, 2.5f, r.in(x), out(r)); });
    compare([&](auto& k, Run& r) { k.fill(r.exec, rows, r.in(value), 0.3f, out(r)); });
    compare([&](auto& k, Run& r) {
      const bool null = &k == &emulated::elementwise;  // counts as 1
      k.fill(r.exec, rows, null ? nullptr : r.in(twin::Floats{1.0f}), 0.3f, out(r));
    });
    for (const Activation a : kActivations) {
      compare([&](auto& k, Run& r) { k.activate(r.exec, rows, a, 0.2f, r.in(x), out(r)); });
    }
  }
}

TEST_CASE("gradients of activations have the CPU's bits") {
  for (const int64_t n : kSizes) {
    const auto x = twin::random_floats(n, 1), gy = twin::random_floats(n, 2);
    for (const Activation a : kActivations) {
      INFO("n " << n << " activation " << static_cast<int>(a));
      compare([&](auto& k, Run& r) {
        float* y = r.out(n);
        k.activate(r.exec, {n, 1, 1}, a, 0.2f, r.in(x), y);
        const bool by_x = a == Activation::leaky_relu;
        k.activate_backward(r.exec, n, a, 0.2f, by_x ? r.in(x) : nullptr, by_x ? nullptr : y,
                            r.in(gy), r.out(n));
      });
    }
  }
}

TEST_CASE("functions of one element and their gradients have the CPU's bits") {
  for (const Rows& rows : kRows) {
    const auto x = twin::random_rows(rows, 1), gy = twin::random_rows(rows, 2);
    const int c = static_cast<int>(rows.c), cs = static_cast<int>(rows.cs);
    for (const Pointwise function : kAllPointwise) {
      INFO("rows " << rows.rows << " of " << rows.c << ", function " << static_cast<int>(function));
      const PointwiseOptions options{0.5f, 1.5f};
      compare([&](auto& k, Run& r) {
        k.pointwise(r.exec, rows, function, options, r.in(x), r.out(rows.size(), c, cs));
        k.pointwise_backward(r.exec, rows.size(), function, options, r.in(x), r.in(gy),
                             r.out(rows.size(), c, cs));
      });
    }
  }
}

TEST_CASE("activations keep NaN and infinities") {
  const float inf = INFINITY;
  const twin::Floats x = {NAN, inf, -inf, 0.0f, -0.0f, 100.0f, -100.0f};
  for (const Activation a : kActivations) {
    INFO("activation " << static_cast<int>(a));
    const auto f = [&](auto& k, Run& r) {
      k.activate(r.exec, {7, 1, 1}, a, 0.2f, r.in(x), r.out(7));
    };
    twin::compare(cpu_elementwise, emulated::elementwise, 1e-30, f);
  }
}
