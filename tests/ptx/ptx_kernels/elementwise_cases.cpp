// Elementwise operations, quantisers, optimisers and random numbers.
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {
namespace {

using namespace gsx::kernels;

constexpr int64_t kCounts[] = {1, 3, 33, 257, 5000};
const Rows kRows[] = {{1, 1, 1}, {7, 3, 3}, {5, 4, 4}, {33, 5, 8}, {40, 37, 40}};
constexpr Activation kActivations[] = {Activation::none, Activation::relu, Activation::leaky_relu,
                                       Activation::tanh, Activation::sigmoid};

void sums(Bench& b) {
  for (const int64_t n : kCounts) {
    const float* x = b.floats("a", n);
    const float* y = b.floats("b", n);
    b.backend.elementwise.accumulate(b.exec, n, x, b.floats("accumulated", n));
    b.backend.elementwise.add(b.exec, n, x, y, b.fresh("sum", n));
    b.backend.elementwise.sub(b.exec, n, x, y, b.fresh("difference", n));
    b.backend.elementwise.mul(b.exec, n, x, y, b.fresh("product", n));
  }
}

void affine_and_fill(Bench& b) {
  for (const Rows& r : kRows) {
    const float* x = b.rows("x", r.rows, static_cast<int>(r.c), static_cast<int>(r.cs));
    b.backend.elementwise.affine(b.exec, r, 1.5f, -0.25f, x, b.fresh("y", r.size()));
    b.backend.elementwise.fill(b.exec, r, b.floats("value", 1), 3, b.fresh("filled", r.size()));
    b.backend.elementwise.fill(b.exec, r, nullptr, 3, b.fresh("filled", r.size()));
  }
}

void activations(Bench& b) {
  for (const Rows& r : kRows) {
    for (const Activation a : kActivations) {
      const int64_t n = r.size();
      const float* x = b.rows("x", r.rows, static_cast<int>(r.c), static_cast<int>(r.cs), -4, 4);
      float* y = b.fresh("y", n);
      b.backend.elementwise.activate(b.exec, r, a, 0.2f, x, y);
      b.backend.elementwise.activate_backward(b.exec, n, a, 0.2f, x, y, b.floats("gy", n),
                                              b.fresh("gx", n));
    }
  }
}

void pointwise(Bench& b) {
  for (const Rows& r : kRows) {
    for (const Pointwise function : kAllPointwise) {
      const float* x = b.rows("x", r.rows, static_cast<int>(r.c), static_cast<int>(r.cs), -4, 4);
      b.backend.elementwise.pointwise(b.exec, r, function, {0.5f, 1.5f}, x, b.fresh("y", r.size()));
      b.backend.elementwise.pointwise_backward(b.exec, r.size(), function, {0.5f, 1.5f}, x,
                                               b.floats("gy", r.size()), b.fresh("gx", r.size()));
    }
  }
}

void broadcasting(Bench& b) {
  for (const int c : {1, 3, 4, 5, 37}) {
    const View y = View::of(2, 7, 9, c), gate = View::of(2, 1, 1, c), mask = View::of(2, 7, 9, 1);
    const auto& table = b.backend.arithmetic;
    for (int op = 0; op < 4; ++op) {
      for (const View& other : {gate, mask, y}) {
        table.combine(b.exec, static_cast<Arithmetic>(op), {y, other, y}, b.image("a", y),
                      b.image("b", other, 1, 2), b.fresh("y", y));
      }
    }
    for (const View& to : {gate, mask, View::of(1, 7, 1, c)})
      table.sum_to(b.exec, y, to, 0.5, b.image("x", y), b.fresh("sums", to));
  }
}

void prelu(Bench& b) {
  for (const int c : {1, 3, 4, 5, 37}) {
    const View v = View::of(2, 7, 9, c);
    const float *x = b.image("x", v), *gy = b.image("gy", v), *slope = b.floats("slope", c);
    b.backend.prelu.forward(b.exec, v, x, slope, b.fresh("y", v));
    b.backend.prelu.backward_input(b.exec, v, x, slope, gy, b.fresh("gx", v));
    b.backend.prelu.backward_slope(b.exec, v, x, gy, false, b.fresh("gslope", c));
  }
}

void softmax(Bench& b) {
  for (const Rows& r : {Rows{7, 3, 3}, Rows{33, 5, 8}, Rows{3, 300, 304}}) {
    const float* x = b.rows("x", r.rows, static_cast<int>(r.c), static_cast<int>(r.cs), -4, 4);
    float* y = b.fresh("y", r.size());
    b.backend.softmax.forward(b.exec, r, x, y);
    b.backend.softmax.backward(b.exec, r, y, b.floats("gy", r.size()), b.fresh("gx", r.size()));
  }
}

void channel_affine(Bench& b) {
  for (const int c : {1, 3, 4, 5, 37}) {
    const View v = View::of(2, 7, 9, c);
    const float* x = b.image("x", v);
    const float* gy = b.image("gy", v);
    const float* scale = b.floats("scale", c);
    const float* shift = b.floats("shift", c);
    const auto& table = b.backend.channel_affine;
    for (const bool both : {true, false}) {
      table.forward(b.exec, v, x, both ? scale : nullptr, both ? shift : nullptr, b.fresh("y", v));
      table.backward_parameters(
          b.exec, v, x, gy, both ? scale : nullptr, both ? shift : nullptr,
          {b.floats("gscale", c), both ? b.fresh("gshift", c) : nullptr, true, false});
    }
    table.forward(b.exec, v, x, nullptr, shift, b.fresh("y", v));
    table.backward_input(b.exec, v, gy, scale, b.fresh("gx", v));
    table.backward_parameters(b.exec, v, x, gy, scale, shift,
                              {nullptr, b.floats("gshift", c), false, true});
  }
}

void fake_quant(Bench& b) {
  Quantizer q;
  q.scale = 3.0f / 127;
  q.inverse = 127.0f / 3;
  q.lo = -127;
  q.hi = 127;
  q.clamp_lo = -3;
  q.clamp_hi = 3;
  for (const int64_t n : kCounts) {
    const float* x = b.floats("x", n, -4, 4);
    b.backend.fake_quant.forward(b.exec, n, q, x, b.fresh("y", n));
    b.backend.fake_quant.backward(b.exec, n, q, x, b.floats("gy", n), b.fresh("gx", n));
  }
}

void weight_grids(Bench& b) {
  for (const ChannelBlocks& w : {ChannelBlocks{27, 5, 8, 1}, ChannelBlocks{9, 3, 3, 1},
                                 ChannelBlocks{1, 37, 37, 65}, ChannelBlocks{300, 72, 72, 1}}) {
    const bool filter = w.inner == 1;
    const float* x = filter ? b.rows("w", w.outer, static_cast<int>(w.k), static_cast<int>(w.ks))
                            : b.floats("w", w.size());
    for (const bool per_channel : {false, true}) {
      float* scales = b.fresh("scales", per_channel ? w.k : 1);
      b.backend.fake_quant.weight_scales(b.exec, w, 127, per_channel, x, scales);
      b.backend.fake_quant.weight_forward(b.exec, w, per_channel, x, scales,
                                          b.fresh("y", w.size()));
    }
  }
}

void optimisers(Bench& b) {
  for (const int64_t n : kCounts) {
    const float* g = b.floats("g", n);
    const AdamStep step = {1e-3f, 1.1f, 0.5f, 0.999f, 1e-8f, 1e-4f};
    b.backend.adam.step(b.exec, n, step, g, b.floats("w", n), b.floats("m", n),
                        b.floats("v", n, 0, 1));
    b.backend.prox_l1.sgd(b.exec, n, 0.01f, 0.9f, g, b.floats("w", n), b.floats("v", n));
    for (const int k : {1, 2, 5, 32}) {
      std::vector<float*> parts;
      for (int i = 0; i < k; ++i) parts.push_back(b.floats("part", n));
      b.backend.prox_l1.shrink(b.exec, k, n, 0.5f, nullptr, parts.data());
      b.backend.prox_l1.shrink(b.exec, k, n, 0.5f, b.floats("worth", n, 0.5f, 1), parts.data());
    }
  }
}

// Many parameters in one launch, or in a few.
void many_parameters(Bench& b) {
  for (const int count : {1, 5, 77}) {
    std::vector<AdamTensor> adam;
    std::vector<SgdTensor> sgd;
    for (int i = 0; i < count; ++i) {
      const int64_t n = kCounts[i % 4] + i;
      adam.push_back(
          {n, b.floats("g", n), b.floats("w", n), b.floats("m", n), b.floats("v", n, 0, 1)});
      sgd.push_back(
          {n, b.floats("g", n), b.floats("w", n), b.floats("v", n), i % 3 == 1 ? 0.1f : 0.0f});
    }
    b.backend.adam.step_many(b.exec, count, {1e-3f, 1.1f, 0.5f, 0.999f, 1e-8f, 1e-4f}, adam.data());
    b.backend.prox_l1.sgd_many(b.exec, count, {0.01f, 0.9f}, sgd.data());
  }
}

void random_numbers(Bench& b) {
  const PhiloxKey key = {123456789012345, 7};
  for (const int64_t n : kCounts) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{5}, (uint64_t{1} << 34) - 3}) {
      b.backend.philox.uniform(b.exec, key, first, -1, 3, n, b.fresh("uniform", n));
      b.backend.philox.normal(b.exec, key, first, 1, 0.5f, n, b.fresh("normal", n));
    }
  }
}

}  // namespace

const std::vector<CaseGroup> kElementwiseCases = {
    {"sums, differences, products", sums, true},
    {"affine and fill", affine_and_fill, true},
    {"activations", activations, true},
    {"functions of one element", pointwise, true},
    {"broadcasting", broadcasting, true},
    {"prelu", prelu, true},
    {"softmax", softmax, true},
    {"channel affine", channel_affine},
    {"fake quantisation", fake_quant, true},
    {"fake quantisation of weights", weight_grids},
    {"optimisers", optimisers},
    {"many parameters at once", many_parameters},
    {"random numbers", random_numbers, true},
};

}  // namespace gsx::ptx
