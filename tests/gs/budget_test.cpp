// Pruning to a budget lands on it, from below, with the least important channels.
#include "gs/passes/budget.h"
#include "gs/passes/extract.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using namespace gsx::test;

namespace {

double cost(const Graph& graph, const Budget& budget) {
  const Graph small = extract(graph);
  return budget.kind == Budget::Kind::macs ? small.cost(budget.input).macs.true_macs
                                           : static_cast<double>(file_bytes(small));
}

Graph wide_cyclegan() {
  Graph graph = cyclegan({.width = 16, .blocks = 3});
  randomize(graph, 5);
  return graph;
}

const Shape kImage{1, 3, 64, 64};

}  // namespace

TEST_CASE("pruning lands within 3 % of a budget of macs or bytes") {
  for (const bool quantized : {false, true}) {
    for (const Budget::Kind kind : {Budget::Kind::macs, Budget::Kind::bytes}) {
      for (const double share : {0.7, 0.4, 0.15}) {
        INFO((quantized ? "gs8 " : "gs32 ")
             << (kind == Budget::Kind::macs ? "macs " : "bytes ") << share);
        Graph graph = wide_cyclegan();
        if (quantized) quantize_graph(graph, kImage);
        Budget budget{kind, 0, kImage};
        budget.target = share * cost(graph, budget);
        const double reached = prune_to_budget(graph, prune_groups(graph), budget);
        CHECK(reached == cost(graph, budget));
        CHECK(reached <= budget.target);
        CHECK(reached >= 0.97 * budget.target);
      }
    }
  }
}

TEST_CASE("bytes and MACs are kept together, and one of them decides") {
  for (const bool quantized : {false, true})
    for (const auto& [bytes_left, macs_left] :
         {std::pair{0.5, 0.3}, {0.3, 0.5}, {0.2, 0.9}, {0.4, 0.4}}) {
      INFO(quantized << " " << bytes_left << " " << macs_left);
      Graph graph = wide_cyclegan();
      if (quantized) quantize_graph(graph, kImage);
      const Budget macs{Budget::Kind::macs, 0, kImage};
      Budget both{Budget::Kind::bytes, 0, kImage};
      both.target = bytes_left * cost(graph, both);
      both.most_macs = macs_left * cost(graph, macs);
      const std::vector<Budget> parts = parts_of(both);
      REQUIRE(parts.size() == 2);
      CHECK(parts[0].target == both.target);
      CHECK(parts[1].target == both.most_macs);
      // What a channel saves as part of what has to be saved.
      const std::vector<PruneGroup> groups = prune_groups(graph);
      const std::vector<double> joint = channel_costs(graph, groups, both);
      std::vector<double> shares(groups.size(), 0);
      for (const Budget& part : parts) {
        const std::vector<double> costs = channel_costs(graph, groups, part);
        for (size_t g = 0; g < groups.size(); ++g)
          shares[g] += costs[g] / (cost_of(graph, part) - part.target);
      }
      for (size_t g = 0; g < groups.size(); ++g) CHECK(joint[g] == Approx(shares[g] * both.target));
      const double reached = prune_to_budget(graph, groups, both);
      const double byte_share = cost(graph, parts[0]) / both.target,
                   macs_share = cost(graph, parts[1]) / both.most_macs;
      CHECK(reached == Approx(std::max(byte_share, macs_share) * both.target));
      CHECK(std::max(byte_share, macs_share) <= 1);
      CHECK(std::max(byte_share, macs_share) >= 0.97);
    }
  CHECK(parts_of(Budget()).empty());
}

TEST_CASE("pruning to a budget lands on networks with tied channels too") {
  for (const std::string name : {"cartoongan", "fast_style"}) {
    Graph graph = make_architecture(name, {{"width", 12}, {"blocks", 3}});
    randomize(graph, 6);
    Budget budget{Budget::Kind::macs, 0, kImage};
    budget.target = 0.3 * cost(graph, budget);
    CHECK(prune_to_budget(graph, prune_groups(graph), budget) ==
          Approx(budget.target).epsilon(0.03));
  }
}

TEST_CASE("pruning takes the least important channels and leaves the others as they are") {
  Graph graph = wide_cyclegan();
  const std::vector<PruneGroup> groups = prune_groups(graph);
  const Graph before = graph;
  Budget budget{Budget::Kind::macs, 0, kImage};
  budget.target = 0.5 * cost(graph, budget);
  prune_to_budget(graph, groups, budget);
  double most_removed = 0, least_kept = 1e9;
  for (const PruneGroup& group : groups) {
    for (int i = 0; i < group.channels(); ++i) {
      const PruneGroup::Norm& norm = group.norms[0];
      const auto gamma = [&](const Graph& g) {
        return g.node(norm.node).parameter(Role::gamma)->value.f32()[norm.channels[i]];
      };
      const double was = std::abs(gamma(before));
      if (gamma(graph) == 0) most_removed = std::max(most_removed, was);
      else {
        CHECK(gamma(graph) == gamma(before));
        least_kept = std::min(least_kept, was);
      }
    }
  }
  CHECK(most_removed <= least_kept);
}

TEST_CASE("a budget never cuts the last way from input to output") {
  Graph graph = wide_cyclegan();
  const std::vector<PruneGroup> groups = prune_groups(graph);
  // The ends are worth least of all.
  for (const int g : {0, 1, 5, 6})
    graph.node(groups[g].norms[0].node).parameter(Role::gamma)->value.fill(1e-4f);
  Budget budget{Budget::Kind::macs, 0, kImage};
  budget.target = 0.3 * cost(graph, budget);
  CHECK(prune_to_budget(graph, groups, budget) == Approx(budget.target).epsilon(0.03));
  for (const int g : {0, 1, 5, 6}) CHECK(count_kept(graph, {groups[g]}).kept == 1);
}

TEST_CASE("a budget that cannot be met is an error that names the floor") {
  Graph graph = wide_cyclegan();
  const std::vector<PruneGroup> groups = prune_groups(graph);
  CHECK_THROWS_WITH(
      prune_to_budget(graph, groups, {Budget::Kind::macs, 1000, kImage}),
      Catch::Matchers::Contains("prune_to_budget: target must be at least ") &&
          Catch::Matchers::Contains("the least this network can be pruned to, got 1000"));
  CHECK(count_kept(graph, groups).kept == count_kept(graph, groups).total);
  CHECK_THROWS_WITH(prune_to_budget(graph, groups, {}),
                    "prune_to_budget: target must be a positive number of macs or bytes, got 0");
}

TEST_CASE("a network below its budget stays as it is") {
  Graph graph = wide_cyclegan();
  const std::vector<PruneGroup> groups = prune_groups(graph);
  const Budget budget{Budget::Kind::macs, 1e12, kImage};
  CHECK(prune_to_budget(graph, groups, budget) == cost(graph, budget));
  CHECK(count_kept(graph, groups).kept == count_kept(graph, groups).total);
}
