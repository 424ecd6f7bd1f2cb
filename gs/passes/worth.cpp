// How much channels are worth, by gradients of random projections of the output; see worth.h.
#include "gs/passes/worth.h"

#include <algorithm>
#include <cmath>

#include "engine/ops.h"

namespace gsx {
namespace {

constexpr int kProjections = 2;       // of each input's output
constexpr float kLeastWorth = 1e-6f;  // of the mean

const Tensor& scale(const Graph& graph, const PruneGroup::Norm& norm) {
  return graph.node(norm.node).parameter(Role::gamma)->value;
}

// dy/dv . v of every channel, group after group, of the gradients that were last computed.
std::vector<double> movements(const Graph& graph, const std::vector<PruneGroup>& groups) {
  std::vector<double> all;
  for (const PruneGroup& group : groups) {
    const size_t begin = all.size();
    all.resize(begin + group.channels());
    for (const PruneGroup::Norm& norm : group.norms) {
      const Tensor& v = scale(graph, norm);
      if (!v.grad().defined()) continue;
      const std::vector<float> values = v.to_vector(), slopes = v.grad().to_vector();
      for (size_t i = 0; i < norm.channels.size(); ++i)
        all[begin + i] += double(values[norm.channels[i]]) * slopes[norm.channels[i]];
    }
  }
  return all;
}

// The squares of each channel's movement, summed over inputs and projections. A projection is a
// mean over the output, of which `values` tells how many there are, for the last input.
std::vector<double> sums_of_squares(const Graph& measured, const std::vector<PruneGroup>& groups,
                                    const std::vector<std::vector<Tensor>>& inputs, Rng& rng,
                                    int64_t& values) {
  Graph graph = measured;
  graph.set_requires_grad(true);
  RunOptions run;
  run.training = true;
  std::vector<double> sums;
  for (const std::vector<Tensor>& x : inputs)
    for (int k = 0; k < kProjections; ++k) {
      for (const Parameter* p : graph.parameters()) p->value.zero_grad();
      const Tensor y = graph.run(x, run).front();
      values = y.numel();
      const Tensor direction = Tensor::empty_like(y);
      rng.fill_normal(direction, 0, 1);
      mean(mul(y, direction)).backward();
      const std::vector<double> moved = movements(graph, groups);
      sums.resize(moved.size());
      for (size_t i = 0; i < moved.size(); ++i) sums[i] += moved[i] * moved[i];
    }
  return sums;
}

void check_inputs_given(const std::vector<std::vector<Tensor>>& inputs) {
  GSX_CHECK(!inputs.empty(), "measure_worth: needs at least one input of the network, got none");
}

}  // namespace

std::vector<double> channel_movements(const Graph& graph, const std::vector<PruneGroup>& groups,
                                      const std::vector<std::vector<Tensor>>& inputs, Rng& rng) {
  check_inputs_given(inputs);
  int64_t values = 0;
  std::vector<double> squares = sums_of_squares(graph, groups, inputs, rng, values);
  for (double& s : squares)
    s *= static_cast<double>(values) / static_cast<double>(kProjections * inputs.size());
  return squares;
}

std::vector<Tensor> measure_worth(const Graph& graph, const std::vector<PruneGroup>& groups,
                                  const Budget& budget,
                                  const std::vector<std::vector<Tensor>>& inputs, Rng& rng) {
  if (groups.empty()) return {};
  check_inputs_given(inputs);
  int64_t values = 0;
  const std::vector<double> squares = sums_of_squares(graph, groups, inputs, rng, values);
  const std::vector<double> costs = channel_costs(graph, groups, budget);
  const std::vector<double> lengths = channel_scales(graph, groups);
  std::vector<double> wanted;
  double wanted_sum = 0, length_sum = 0;
  for (size_t g = 0; g < groups.size(); ++g)
    for (int i = 0; i < groups[g].channels(); ++i) {
      const size_t at = wanted.size();
      wanted.push_back(std::sqrt(squares[at] / costs[g]));
      wanted_sum += wanted[at];
      length_sum += lengths[at];
    }
  GSX_CHECK(std::isfinite(wanted_sum),
            "measure_worth: the output must move by finite amounts with "
            "the network's scales, got ",
            wanted_sum, "; the network is broken, get or train it anew");
  std::vector<Tensor> all;
  size_t at = 0;
  for (const PruneGroup& group : groups) {
    std::vector<float> worth(group.channels(), 1);  // where nothing moves the output
    for (int i = 0; i < group.channels() && wanted_sum > 0; ++i) {
      const double w =
          wanted[at + i] * length_sum / (wanted_sum * std::max(lengths[at + i], 1e-30));
      worth[i] = std::max(static_cast<float>(w), kLeastWorth);
    }
    at += group.channels();
    all.push_back(Tensor::from(graph.context(), worth, Shape{group.channels()}));
  }
  return all;
}

}  // namespace gsx
