// What channels are worth: against differences of the output, and what pruning makes of it.
#include "gs/passes/worth.h"

#include <cmath>

#include "engine/context.h"
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "models/architectures.h"
#include "models/builder.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;

namespace {

const Tensor& scales(const Graph& graph, const PruneGroup::Norm& norm) {
  return graph.node(norm.node).parameter(Role::gamma)->value;
}

// With the scales of one channel times this.
Graph scaled(const Graph& graph, const PruneGroup& group, int channel, float factor) {
  Graph copy = graph;
  for (const PruneGroup::Norm& norm : group.norms) {
    const Tensor& v = scales(copy, norm);
    v.put(norm.channels[channel], factor * v.at(norm.channels[channel]));
  }
  return copy;
}

std::vector<std::vector<Tensor>> inputs_of(const ContextPtr& context, const Shape& shape, int n) {
  std::vector<std::vector<Tensor>> inputs;
  Rng rng(5);
  for (int i = 0; i < n; ++i) {
    const Tensor x = Tensor::zeros(context, shape);
    rng.fill_normal(x, 0, 0.5f);
    inputs.push_back({x});
  }
  return inputs;
}

// dy/dv . v of random projections by differences, with the same random numbers.
double by_differences(const Graph& graph, const PruneGroup& group, int channel,
                      const std::vector<std::vector<Tensor>>& inputs) {
  constexpr float kStep = 1e-2f;
  RunOptions run;
  run.training = true;
  Rng rng(9);
  double squares = 0;
  for (const auto& x : inputs) {
    const auto more = scaled(graph, group, channel, 1 + kStep).run(x, run).front().to_vector();
    const auto less = scaled(graph, group, channel, 1 - kStep).run(x, run).front().to_vector();
    for (int k = 0; k < 2; ++k) {
      const Tensor direction = Tensor::zeros(graph.context(), graph.run(x, run).front().shape());
      rng.fill_normal(direction, 0, 1);
      const std::vector<float> r = direction.to_vector();
      double moved = 0;
      for (size_t i = 0; i < r.size(); ++i) moved += r[i] * (double(more[i]) - less[i]);
      squares += std::pow(moved / (2 * kStep * static_cast<double>(r.size())), 2);
    }
  }
  return std::sqrt(squares);
}

void weigh(const Graph& graph, std::vector<PruneGroup>& groups, const Budget& budget,
           const std::vector<std::vector<Tensor>>& inputs, Rng& rng) {
  const std::vector<Tensor> worth = measure_worth(graph, groups, budget, inputs, rng);
  REQUIRE(worth.size() == groups.size());
  for (size_t g = 0; g < groups.size(); ++g) groups[g].worth = worth[g];
}

double sum(const std::vector<double>& values) {
  double total = 0;
  for (const double v : values) total += v;
  return total;
}

// worth * ||v||_2, group after group.
std::vector<double> weighed(const Graph& graph, const std::vector<PruneGroup>& groups) {
  std::vector<double> all = channel_scales(graph, groups);
  size_t at = 0;
  for (const PruneGroup& g : groups)
    for (int i = 0; i < g.channels(); ++i) all[at++] *= g.worth.at(i);
  return all;
}

}  // namespace

TEST_CASE("worth: how far the output moves with a channel, by differences") {
  const auto context = Context::create();
  for (Graph graph : {fast_style({.width = 3, .blocks = 1}), cyclegan({.width = 3, .blocks = 1}),
                      cartoongan({.width = 3, .blocks = 1})}) {
    test::randomize(graph, 3);
    insert_scales(graph);
    INFO(graph.architecture());
    std::vector<PruneGroup> groups = prune_groups(graph);
    REQUIRE(!groups.empty());
    const Budget budget{Budget::Kind::macs, 1, {1, 3, 16, 16}};
    const auto inputs = inputs_of(context, {1, 3, 16, 16}, 3);
    Rng rng(9);
    weigh(graph, groups, budget, inputs, rng);
    const std::vector<double> got = weighed(graph, groups), lengths = channel_scales(graph, groups);
    CHECK(sum(got) == Approx(sum(lengths)).epsilon(1e-4));
    const std::vector<double> costs = channel_costs(graph, groups, budget);
    std::vector<double> wanted;
    for (size_t g = 0; g < groups.size(); ++g)
      for (int i = 0; i < groups[g].channels(); ++i)
        wanted.push_back(by_differences(graph, groups[g], i, inputs) / std::sqrt(costs[g]));
    const double factor = sum(lengths) / sum(wanted), mean = sum(lengths) / double(got.size());
    for (size_t i = 0; i < got.size(); ++i) {
      INFO("channel " << i);
      CHECK(got[i] == Approx(factor * wanted[i]).epsilon(0.1).margin(0.05 * mean));
    }
  }
}

TEST_CASE("worth: networks whose output nothing moves, and broken ones") {
  const auto context = Context::create();
  Graph graph = cyclegan({.width = 2, .blocks = 1});
  test::randomize(graph, 3);
  std::vector<PruneGroup> groups = prune_groups(graph);
  const Budget budget{Budget::Kind::macs, 1, {1, 3, 16, 16}};
  const auto inputs = inputs_of(context, {1, 3, 16, 16}, 1);
  Rng rng(9);
  const Tensor& v = scales(graph, groups[0].norms[0]);
  const float before = v.at(0);
  v.put(0, std::nanf(""));
  CHECK_THROWS_WITH(measure_worth(graph, groups, budget, inputs, rng),
                    Catch::Contains("the network is broken, get or train it anew"));
  v.put(0, before);
  for (const PruneGroup& g : groups)
    for (const PruneGroup::Norm& norm : g.norms)
      for (const int c : norm.channels) scales(graph, norm).put(c, 0);
  weigh(graph, groups, budget, inputs, rng);
  for (const PruneGroup& g : groups)
    for (int i = 0; i < g.channels(); ++i) CHECK(g.worth.at(i) == 1);
}

TEST_CASE("worth: costs are those of half of a group") {
  Builder b("two", 3);
  b.conv("a", {.in = 3, .out = 8, .options = {.pad = Padding::all(1)}});
  b.activation("relu", Activation::relu);
  b.conv("b", {.in = 8, .out = 3, .options = {.pad = Padding::all(1)}});
  Graph graph = b.take();
  test::randomize(graph, 1);
  insert_scales(graph);
  const auto groups = prune_groups(graph);
  REQUIRE(groups.size() == 1);
  const auto macs = channel_costs(graph, groups, {Budget::Kind::macs, 1, {1, 3, 10, 10}});
  // Its filter of 3 x 9 and what reads it, 3 x 9, at 100 places.
  CHECK(macs == std::vector<double>{5400});
}

TEST_CASE("worth: pruning takes what is worth least, and shrinks it most") {
  Graph graph = cyclegan({.width = 4, .blocks = 1});
  test::randomize(graph, 3);
  std::vector<PruneGroup> groups = prune_groups(graph);
  // In every group the channels with the largest scales are worth nothing.
  for (PruneGroup& g : groups) {
    const Tensor& v = scales(graph, g.norms.front());
    std::vector<float> worth;
    for (const int c : g.norms.front().channels)
      worth.push_back(1 / std::pow(std::max(std::fabs(v.at(c)), 1e-3f), 2.0f));
    g.worth = Tensor::from(graph.context(), worth, {g.channels()});
  }
  const Budget budget{
      Budget::Kind::macs, graph.cost({1, 3, 16, 16}).macs.true_macs / 2, {1, 3, 16, 16}};
  Graph pruned = graph;
  prune_to_budget(pruned, groups, budget);
  double least_kept = 1e30, most_lost = 0;
  const auto before = channel_scales(graph, groups), after = channel_scales(pruned, groups),
             worth = weighed(graph, groups);
  for (size_t i = 0; i < before.size(); ++i) {
    if (after[i] > 0) least_kept = std::min(least_kept, worth[i]);
    else most_lost = std::max(most_lost, worth[i]);
  }
  CHECK(most_lost > 0);
  // All but those that keep a path, or would jump over the budget.
  CHECK(most_lost <= least_kept * 1.5);

  Graph shrunk = graph;
  prox_groups(shrunk, groups, 0.01f);
  const auto left = channel_scales(shrunk, groups);
  size_t at = 0;
  for (const PruneGroup& g : groups)
    for (int i = 0; i < g.channels(); ++i, ++at)
      CHECK(left[at] == Approx(std::max(before[at] - 0.01 / g.worth.at(i), 0.0)).margin(1e-5));
}
