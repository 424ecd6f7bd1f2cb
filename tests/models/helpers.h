// Random small networks for the model tests.
#pragma once
#include "models/architectures.h"
#include "models/nodes.h"
#include "tests/catch.h"

using Catch::Matchers::Contains;

namespace test {

using namespace gsx;

inline ContextPtr context(int threads = 2) {
  return Context::create({.device = {}, .threads = threads});
}

// Weights of unit gain, gammas around 1, shifts and biases around 0, some of them exactly 0.
inline void randomize(Graph& graph, const ContextPtr& c, uint64_t seed) {
  Rng rng(seed);
  graph.initialize(c, rng, {});
  for (Parameter* p : graph.parameters()) {
    if (p->role == Role::weight) {
      const double fan_in =
          static_cast<double>(p->shape.numel()) / static_cast<double>(p->shape[0]);
      rng.fill_normal(p->value, 0, static_cast<float>(1.2 / std::sqrt(fan_in)));
    } else if (p->role == Role::gamma || p->role == Role::running_var) {
      rng.fill_uniform(p->value, 0.5f, 1.5f);
    } else if (p->role != Role::weight_scale) {
      rng.fill_uniform(p->value, -0.4f, 0.4f);
    }
  }
}

inline Tensor image(const ContextPtr& c, const Shape& shape, uint64_t seed, float lo = -1,
                    float hi = 1) {
  // 8-bit values, as images have.
  Rng rng(seed);
  std::vector<float> values(shape.numel());
  for (float& v : values) v = lo + (hi - lo) * static_cast<float>(rng.below(256)) / 255.0f;
  return Tensor::from(c, values, shape);
}

// Quantisers in front of every layer with a weight that does not read the image.
inline void quantize(Graph& graph, const WeightQuant& weights, float p, bool is_signed) {
  for (int i = 0; i < graph.size(); ++i) {
    if (!graph.node(i).has_weight()) continue;
    graph.node(i).set_weight_quant(weights);
    if (graph.node(i).inputs[0] == 0) continue;
    graph.insert_before(i, 0,
                        make_quantize(graph.node(i).name + ".in", 0, weights.grid, p, is_signed));
    ++i;
  }
}

inline double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - b[i]));
  }
  return worst;
}

inline double largest(const std::vector<float>& a) {
  double top = 0;
  for (const float v : a) top = std::max(top, std::fabs(static_cast<double>(v)));
  return top;
}

inline double difference(const Tensor& a, const Tensor& b) {
  return largest_difference(a.to_vector(), b.to_vector());
}

}  // namespace test
