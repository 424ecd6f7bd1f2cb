// Layers of 4 bits: what they cost against differences of outputs, and which are chosen.
#include "gs/passes/weight_bits.h"

#include <algorithm>
#include <cmath>

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "gs/passes/sensitivity.h"
#include "gs/passes/worth.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

std::vector<std::vector<Tensor>> some_inputs(const Shape& shape, int n) {
  std::vector<std::vector<Tensor>> inputs;
  for (int i = 0; i < n; ++i) inputs.push_back({random_images(shape, 40 + i)});
  return inputs;
}

Graph quantised(const std::string& name) {
  Graph graph = case_named(name).make();
  quantize_graph(graph, case_named(name).input);
  insert_scales(graph);
  return graph;
}

Budget of_bytes(const Graph& graph, const Shape& input, double ratio) {
  Budget budget;
  budget.kind = Budget::Kind::bytes;
  budget.target = static_cast<double>(file_bytes(graph)) / ratio;
  budget.input = {1, input[1], input[2], input[3]};
  return budget;
}

}  // namespace

TEST_CASE("sensitivity is the mean distance of outputs over inputs") {
  const Case& c = case_named("cyclegan");
  const Graph graph = quantised("cyclegan");
  const auto inputs = some_inputs(c.input, 3);
  const Sensitivity measure(graph, inputs, mean_square_difference);
  CHECK(measure.of(graph) == 0);
  const int layer = layers_with_weights(graph).at(1);
  Graph coarse = graph;
  set_weight_bits(coarse, layer, 4);
  CHECK(coarse.node(layer).weight_quant()->bits == 4);
  double want = 0;
  for (const auto& x : inputs) {
    const auto before = graph.run(x)[0].to_vector(), after = coarse.run(x)[0].to_vector();
    double sum = 0;
    for (size_t i = 0; i < before.size(); ++i) sum += std::pow(double(after[i]) - before[i], 2);
    want += sum / static_cast<double>(before.size()) / 3;
  }
  CHECK(measure.of(coarse) == Approx(want).epsilon(1e-4));
  CHECK(want > 0);
  CHECK_THROWS_WITH(Sensitivity(graph, {}, mean_square_difference),
                    "sensitivity: needs at least one input of the network, got none");
}

TEST_CASE("channel movements are the squares that small steps of scales foretell") {
  const Case& c = case_named("cyclegan");
  Graph graph = c.make();
  const auto groups = prune_groups(graph);
  const auto inputs = some_inputs(c.input, 2);
  // Many projections: their mean tends to the square of the movement itself.
  std::vector<double> mean(channel_movements(graph, groups, inputs, *std::make_unique<Rng>(1)));
  constexpr int kTurns = 40;
  for (int turn = 1; turn < kTurns; ++turn) {
    Rng rng(1 + turn);
    const auto more = channel_movements(graph, groups, inputs, rng);
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += more[i];
  }
  constexpr float kStep = 1e-2f;
  RunOptions run;
  run.training = true;
  size_t at = 0;
  for (size_t g = 0; g < groups.size(); at += groups[g++].channels()) {
    double want = 0;
    for (const auto& x : inputs) {
      std::vector<std::vector<float>> ends;
      for (const float factor : {1 + kStep, 1 - kStep}) {
        Graph moved = graph;
        for (const PruneGroup::Norm& norm : groups[g].norms) {
          const Tensor& v = moved.node(norm.node).parameter(Role::gamma)->value;
          v.put(norm.channels[0], factor * v.at(norm.channels[0]));
        }
        ends.push_back(moved.run(x, run)[0].to_vector());
      }
      double sum = 0;
      for (size_t i = 0; i < ends[0].size(); ++i)
        sum += std::pow((double(ends[0][i]) - ends[1][i]) / (2 * kStep), 2);
      want += sum / static_cast<double>(ends[0].size()) / 2;
    }
    INFO("group " << g);
    CHECK(mean[at] / kTurns == Approx(want).epsilon(0.5));
  }
}

TEST_CASE("4 bits: none where the budget is met, more the smaller it is, and always the cheapest") {
  const Case& c = case_named("cyclegan");
  const Graph graph = quantised("cyclegan");
  const auto groups = prune_groups(graph);
  const auto inputs = some_inputs(c.input, 2);
  const auto chosen = [&](double ratio, Graph& to) {
    Rng rng(7);
    to = graph;
    return choose_weight_bits(to, groups, of_bytes(graph, c.input, ratio), inputs, rng);
  };
  Graph made;
  CHECK(chosen(0.9, made).empty());
  CHECK(file_bytes(made) == file_bytes(graph));
  size_t before = 0;
  for (const double ratio : {1.1, 1.3, 1.6}) {
    const std::vector<int> layers = chosen(ratio, made);
    CHECK(layers.size() >= before);
    before = layers.size();
    for (int i = 0; i < made.size(); ++i) {
      if (!made.node(i).weight_quant()) continue;
      const bool coarse = std::count(layers.begin(), layers.end(), i) > 0;
      CHECK(made.node(i).weight_quant()->bits == (coarse ? 4 : 8));
    }
    // No layer that stays costs less a byte than one that was chosen.
    const Sensitivity measure(graph, inputs, mean_square_difference);
    double dearest = 0, cheapest_left = 1e30;
    for (const int i : layers_with_weights(graph)) {
      Graph coarse = graph;
      set_weight_bits(coarse, i, 4);
      const double price =
          measure.of(coarse) /
          static_cast<double>(graph.node(i).parameter(Role::weight)->shape.numel());
      if (std::count(layers.begin(), layers.end(), i) > 0) dearest = std::max(dearest, price);
      else cheapest_left = std::min(cheapest_left, price);
    }
    CHECK(dearest <= cheapest_left);
  }
  CHECK(before > 0);
  Rng rng(1);
  Budget macs = of_bytes(graph, c.input, 2);
  macs.kind = Budget::Kind::macs;
  made = graph;
  CHECK_THROWS_WITH(choose_weight_bits(made, groups, macs, inputs, rng),
                    "choose_weight_bits: needs a budget of bytes to choose under, got none");
}

TEST_CASE("a budget of bytes counts 4-bit weights as they are packed") {
  const Case& c = case_named("cyclegan");
  Graph graph = quantised("cyclegan");
  for (const int layer : layers_with_weights(graph)) set_weight_bits(graph, layer, 4);
  const Budget budget = of_bytes(graph, c.input, 1.4);
  const double reached = prune_to_budget(graph, prune_groups(graph), budget);
  CHECK(reached == static_cast<double>(file_bytes(extract(graph))));
  CHECK(reached <= budget.target * 1.03);
}
