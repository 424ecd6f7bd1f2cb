// Instance norm with all its epilogues, batch norm's statistics, Gram matrices, linear layers.
#include "tests/ptx/ptx_kernels/cases.h"

namespace gsx::ptx {
namespace {

using namespace gsx::kernels;

Quantizer quantizer() {
  Quantizer q;
  q.scale = 4.0f / 255;
  q.inverse = 255.0f / 4;
  q.clamp_hi = 4;
  return q;
}

void instance_norm(Bench& b, const View& v, const NormEpilogue& epilogue, bool affine,
                   bool residual) {
  const float* x = b.image("x", v, -1, 3);
  const int64_t count = int64_t{v.n} * v.c;
  InstanceNormForward f = {};
  f.x = x;
  f.gamma = affine ? b.floats("gamma", v.c, 0.5f, 1.5f) : nullptr;
  f.beta = affine ? b.floats("beta", v.c) : nullptr;
  f.residual = residual ? b.image("residual", v) : nullptr;
  f.moments = {b.fresh("mean", count), b.fresh("var", count)};
  f.y = b.fresh("y", v);
  b.backend.instance_norm.forward(b.exec, v, epilogue, f);
  f.given = true;
  f.y = b.fresh("y by given moments", v);
  b.backend.instance_norm.forward(b.exec, v, epilogue, f);
  InstanceNormBackward g = {};
  g.x = x;
  g.gamma = f.gamma;
  g.beta = f.beta;
  g.mean = f.moments.mean;
  g.var = f.moments.var;
  g.gy = b.image("gy", v);
  g.gx = b.fresh("gx", v);
  if (affine) {
    g.ggamma = b.floats("ggamma", v.c);
    g.gbeta = b.fresh("gbeta", v.c);
    g.accumulate_gamma = true;
  }
  b.backend.instance_norm.backward(b.exec, v, epilogue, g);
  if (!affine) return;
  g.gx = nullptr;
  g.accumulate_gamma = false;
  b.backend.instance_norm.backward(b.exec, v, epilogue, g);
}

void instance_norms(Bench& b) {
  for (const int c : {1, 3, 4, 5, 37}) {
    for (const Activation a : {Activation::none, Activation::relu, Activation::leaky_relu}) {
      NormEpilogue e;
      e.activation = a;
      const bool quantized = a != Activation::none;
      e.quantized = quantized;
      e.quantizer = quantizer();
      instance_norm(b, View::of(2, 7, 9, c), e, quantized, a == Activation::leaky_relu);
      e.quantized = !quantized;
      instance_norm(b, View::of(1, 3, 5, c), e, !quantized, a == Activation::relu);
    }
  }
  instance_norm(b, View::of(1, 40, 41, 24), {}, true, true);
  instance_norm(b, View::of(2, 1, 2, 72), {}, true, false);
  instance_norm(b, View::of(1, 90, 70, 3), {}, true, false);
}

void batch_norm(Bench& b) {
  for (const int c : {1, 33, 257}) {
    const float* mean = b.floats("mean", c);
    const float* var = b.floats("var", c, 0.1f, 2);
    b.backend.batch_norm.update_running(b.exec, c, 77, 0.1f, mean, var, b.floats("running_mean", c),
                                        b.floats("running_var", c, 0.1f, 2));
    for (const bool affine : {false, true}) {
      b.backend.batch_norm.fold(b.exec, c, 1e-5f, mean, var,
                                affine ? b.floats("gamma", c) : nullptr,
                                affine ? b.floats("beta", c) : nullptr, b.fresh("scale", c),
                                b.fresh("shift", c), b.fresh("factor", c));
    }
  }
}

void gram(Bench& b) {
  for (const int c : {1, 3, 5, 37, 72}) {
    const View v = View::of(2, 7, 9, c);
    const int64_t size = int64_t{v.n} * c * c;
    const float* x = b.image("x", v);
    b.backend.gram.forward(b.exec, v, x, b.fresh("y", size));
    b.backend.gram.backward(b.exec, v, x, b.floats("gy", size), b.fresh("gx", v));
  }
  const View large = View::of(1, 64, 65, 24);
  b.backend.gram.forward(b.exec, large, b.image("x", large), b.fresh("y", 24 * 24));
}

void linear(Bench& b) {
  for (const LinearShape s : {LinearShape{1, 1, 1}, {3, 33, 7}, {5, 128, 68}, {65, 257, 9}}) {
    const int64_t outputs = int64_t{s.n} * s.o, weights = int64_t{s.o} * s.f;
    const float* x = b.floats("x", int64_t{s.n} * s.f);
    const float* w = b.floats("w", weights);
    const float* gy = b.floats("gy", outputs);
    b.backend.linear.forward(b.exec, s, x, w, b.floats("bias", s.o), b.fresh("y", outputs));
    b.backend.linear.forward(b.exec, s, x, w, nullptr, b.fresh("y without bias", outputs));
    b.backend.linear.backward_input(b.exec, s, gy, w, b.fresh("gx", int64_t{s.n} * s.f));
    for (const bool accumulate : {false, true}) {
      b.backend.linear.backward_weight(b.exec, s, x, gy, accumulate, b.floats("gw", weights));
      b.backend.linear.backward_bias(b.exec, s, gy, accumulate, b.floats("gbias", s.o));
    }
  }
}

void group_norm(Bench& b) {
  for (const int c : {1, 3, 4, 5, 37}) {
    const View v = View::of(2, 7, 9, c);
    const int64_t count = int64_t{v.n} * c;
    const GroupNormShape s{v.n, c, c, v.plane(), nullptr};
    const auto& table = b.backend.group_norm;
    table.spread(b.exec, s, 1e-3f, {b.floats("mean", count), b.floats("var", count, 1, 2)},
                 {b.fresh("mean", count), b.fresh("var", count)}, b.fresh("inv", count));
    const GroupNormTerms terms{b.floats("mean", count), b.floats("inv", count, 1, 2),
                               b.fresh("by_gy", count), b.fresh("by_x", count),
                               b.fresh("one", count)};
    table.terms(b.exec, s, b.floats("gamma", c), b.floats("sum_g", count),
                b.floats("sum_gx", count), terms);
    table.backward_input(b.exec, v, b.image("x", v), b.image("gy", v), terms, b.fresh("gx", v));
  }
}

}  // namespace

const std::vector<CaseGroup> kNormCases = {
    {"instance norms", instance_norms}, {"batch norm", batch_norm},
    {"group norm", group_norm, true},   {"Gram matrices", gram},
    {"linear layers", linear},
};

}  // namespace gsx::ptx
