// Narrow networks of a GS-8 slimming step, with the same parameters on every device.
#pragma once
#include "gs/passes/calibrate.h"
#include "gs/train/slimming_step.h"
#include "models/architectures.h"

namespace gsx::test {

struct Networks {
  Graph student, discriminator, features;
};

struct Setting {
  const char* name;
  Graph (*student)();
  Shape input;
};

inline const Setting kSettings[] = {
    {"cyclegan", [] { return cyclegan({.width = 5, .blocks = 1}); }, {2, 3, 16, 20}},
    {"fast_style", [] { return fast_style({.width = 5, .blocks = 1}); }, {1, 3, 20, 16}}};

inline Networks make_networks(const Setting& s, const ContextPtr& context) {
  Networks n = {s.student(), patchgan({.width = 5, .layers = 2}), vgg16({.width = 5})};
  Rng rng(11);
  for (Graph* graph : {&n.student, &n.discriminator, &n.features}) {
    graph->initialize(context, rng, {.deviation = 0.15f, .gamma_deviation = 0.2f});
  }
  n.features.set_requires_grad(false);
  insert_quantizers(n.student, {.act_range = 2.5f});
  return n;
}

inline Tensor images(const ContextPtr& context, const Shape& shape, const ImageFormat& f,
                     uint64_t seed) {
  const Tensor x = Tensor::empty(context, shape);
  Rng(seed).fill_uniform(x, f.lo, f.hi);
  return x;
}

}  // namespace gsx::test
