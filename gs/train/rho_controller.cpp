// The feedback that turns a budget into rho; see rho_controller.h.
#include "gs/train/rho_controller.h"

#include <algorithm>
#include <cmath>

namespace gsx {

namespace {

const Tensor& scales(const Graph& graph, const PruneGroup::Norm& norm) {
  return graph.node(norm.node).parameter(Role::gamma)->value;
}

// ||v||_2 of channel i of a group.
double scale_norm(const Graph& graph, const PruneGroup& group, int i) {
  double squares = 0;
  for (const PruneGroup::Norm& norm : group.norms) {
    const double v = scales(graph, norm).at(norm.channels[i]);
    squares += v * v;
  }
  return std::sqrt(squares);
}

// Calls f(group, channel) for the channels alive in one copy of a network and dead in the other.
template <class F>
void for_each_lost(const Graph& before, const Graph& after, const std::vector<PruneGroup>& groups,
                   F&& f) {
  for (const PruneGroup& g : groups)
    for (int c = 0; c < g.channels(); ++c)
      if (scale_norm(before, g, c) > 0 && scale_norm(after, g, c) == 0) f(g, c);
}

// A network pruned to a budget, and the largest worth of a channel that is alive without it.
struct Cut {
  Graph network;
  double threshold = 0;
};

Cut cut_to(const Graph& graph, const std::vector<PruneGroup>& groups, const Budget& budget) {
  Cut cut{graph, 0};
  prune_to_budget(cut.network, groups, budget, true);
  for_each_lost(graph, cut.network, groups, [&](const PruneGroup& g, int c) {
    const double worth = g.worth.defined() ? g.worth.at(c) : 1;
    cut.threshold = std::max(cut.threshold, worth * scale_norm(graph, g, c));
  });
  return cut;
}

}  // namespace

RhoController::RhoController(const Budget& budget, int steps, int goal,
                             std::function<float(int)> lr, Stops stops)
    : budget_(budget), steps_(steps), goal_(goal), lr_(std::move(lr)), stops_(std::move(stops)) {}

float RhoController::rho(int step, Graph& graph, const std::vector<PruneGroup>& groups) {
  const int pause = std::max(1, steps_ / 100);
  if (!landed_ && step % pause == 0) look(step, pause, graph, groups);
  return landed_ ? 0.0f : rho_;
}

void RhoController::look(int step, int pause, Graph& graph, const std::vector<PruneGroup>& groups) {
  Cut cut = cut_to(graph, groups, budget_);
  // The learning rate to come until the goal, at least until the next look.
  double left = 0, next = 0;
  for (int i = step; i < std::max(goal_, step + pause); ++i) {
    const double lr = lr_(std::min(i, steps_ - 1));
    left += lr;
    if (i < step + pause) next += lr;
  }
  const double wanted = left > 0 ? cut.threshold / left : 0;
  landed_ = cut.threshold <= wanted * next;
  for (; taken_ < stops_.milder.size(); ++taken_) {
    const Cut milder = cut_to(graph, groups, stops_.milder[taken_]);
    if (!landed_ && milder.threshold > wanted * next) break;
    stops_.take(taken_, milder.network);
  }
  if (!landed_) {
    rho_ = static_cast<float>(wanted);
    return;
  }
  if (stops_.settle) {
    budget_ = stops_.settle(graph, groups);
    cut = cut_to(graph, groups, budget_);
  }
  for_each_lost(graph, cut.network, groups, [&](const PruneGroup& g, int c) {
    for (const PruneGroup::Norm& norm : g.norms) scales(graph, norm).put(norm.channels[c], 0);
  });
}

Json RhoController::to_json() const {
  return {{"rho", rho_}, {"landed", landed_}, {"taken", taken_}};
}

void RhoController::restore(const Json& j) {
  rho_ = j.at("rho").get<float>();
  landed_ = j.at("landed").get<bool>();
  taken_ = j.value("taken", size_t{0});
}

}  // namespace gsx
