// Removes the channels that are worth least, guided by an estimate of the cost and checked against
// the extracted network itself; see budget.h.
#include "gs/passes/budget.h"

#include <algorithm>
#include <cmath>

#include "gs/passes/constant_propagation.h"
#include "gs/passes/extract.h"

namespace gsx {
namespace {

// One channel of a group, in the order of removal.
struct Candidate {
  int group, channel;
  double worth;  // mostly ||v||_2, or that times the group's worth
};

// Of all of a graph's inputs, when images have the budget's size.
std::vector<Shape> input_shapes(const Graph& graph, const Budget& budget) {
  return graph.input_shapes(budget.input[2], budget.input[3]);
}

// The cost of so many bytes and MACs under a budget of bytes.
double joint(const Budget& budget, double bytes, double macs) {
  return budget.most_macs > 0 ? std::max(bytes, macs * (budget.target / budget.most_macs)) : bytes;
}

double macs_of(const Graph& graph, const Budget& budget) {
  return graph.cost(input_shapes(graph, budget)).macs.true_macs;
}

// Of the file, once it is quantised.
double bytes_of(const Graph& graph, const Budget& budget) {
  if (!budget.stored || graph.quantized()) return static_cast<double>(file_bytes(graph));
  Graph stored = graph;
  insert_quantizers(stored, *budget.stored);
  return static_cast<double>(file_bytes(stored));
}

// What a graph would cost without some of its prunable channels, from counts alone.
class CostEstimate {
 public:
  CostEstimate(const Graph& graph, const std::vector<PruneGroup>& groups, const Budget& budget)
      : graph_(graph),
        groups_(groups),
        budget_(budget),
        shapes_(graph.infer_shapes(input_shapes(graph, budget))),
        ties_(graph, shapes_),
        dropped_(ties_.groups(), false),
        stored_later_(budget.stored && !graph.quantized()) {}

  int tie(const Candidate& c) const {
    const PruneGroup::Norm& norm = groups_[c.group].norms.front();
    return ties_.group(norm.node, norm.channels[c.channel]);
  }
  void set(const Candidate& c, bool dropped) { dropped_[tie(c)] = dropped; }

  double operator()() const {
    const std::vector<double> kept = kept_shares();
    double all_macs = 0, all_bytes = 0;
    for (int i = 1; i < graph_.size(); ++i) {
      if (kept[i] == 0) continue;
      if (budget_.kind == Budget::Kind::macs || budget_.most_macs > 0) all_macs += macs(i, kept);
      if (budget_.kind != Budget::Kind::macs) all_bytes += bytes(i, kept);
    }
    return budget_.kind == Budget::Kind::macs ? all_macs : joint(budget_, all_bytes, all_macs);
  }

  // Whether every output would still depend on an input.
  bool connected() const {
    const std::vector<double> kept = kept_shares();
    std::vector<bool> reached(graph_.size(), false);
    for (int i = 0; i < graph_.size(); ++i) {
      reached[i] = graph_.node(i).is_input();
      for (const int from : graph_.node(i).inputs)
        if (reached[from] && kept[i] > 0) reached[i] = true;
    }
    const std::vector<GraphOutput> outputs = graph_.outputs();
    return std::all_of(outputs.begin(), outputs.end(),
                       [&](const GraphOutput& o) { return reached[o.node]; });
  }

 private:
  std::vector<double> kept_shares() const {
    std::vector<double> kept(graph_.size(), 1);
    for (int i = 1; i < graph_.size(); ++i) {
      int count = 0;
      for (int c = 0; c < ties_.channels(i); ++c) count += !dropped_[ties_.group(i, c)];
      kept[i] = static_cast<double>(count) / ties_.channels(i);
    }
    return kept;
  }
  // Of one weight in the file.
  double weight_bytes(const Node& node) const {
    if (stored_later_) return budget_.stored->weights.bits / 8.0;
    return node.weight_quant() ? node.weight_quant()->bits / 8.0 : 4;
  }
  double macs(int i, const std::vector<double>& kept) const {
    const Node& node = graph_.node(i);
    std::vector<Shape> in;
    for (const int from : node.inputs) in.push_back(shapes_[from]);
    const double whole = node.macs(in, shapes_[i]).true_macs;
    return node.makes_channels() && !node.inputs.empty() ? whole * kept[i] * kept[node.inputs[0]]
                                                         : whole * kept[i];
  }
  double bytes(int i, const std::vector<double>& kept) const {
    const Node& node = graph_.node(i);
    double total = 0;
    for (const Parameter* p : node.parameters()) {
      const auto numel = static_cast<double>(p->shape.numel());
      if (p->role == Role::gamma && node.has_weight()) continue;  // folds into the weight
      if (p->role != Role::weight) {
        total += 4 * numel * kept[i];
        continue;
      }
      const double in = node.makes_channels() ? kept[node.inputs[0]] : 1;
      total += weight_bytes(node) * numel * kept[i] * in;
      const auto taps = numel / (double(p->shape[0]) * double(p->shape[1]));
      if (in < 1) total += 4 * taps * static_cast<double>(p->shape[0]) * kept[i];  // its tap bias
    }
    return total;
  }

  const Graph& graph_;
  const std::vector<PruneGroup>& groups_;
  Budget budget_;
  std::vector<Shape> shapes_;
  ChannelTies ties_;
  std::vector<bool> dropped_;
  bool stored_later_;
};

// Group after group, of a channel its worth times ||v||_2.
std::vector<double> importances(const Graph& graph, const std::vector<PruneGroup>& groups) {
  std::vector<double> all = channel_scales(graph, groups);
  size_t at = 0;
  for (const PruneGroup& group : groups) {
    if (group.worth.defined()) {
      const std::vector<float> worth = group.worth.to_vector();
      for (size_t i = 0; i < worth.size(); ++i) all[at + i] *= worth[i];
    }
    at += group.channels();
  }
  return all;
}

std::vector<Candidate> by_worth(const std::vector<PruneGroup>& groups,
                                const std::vector<double>& worth) {
  std::vector<Candidate> candidates;
  size_t at = 0;
  for (int g = 0; g < static_cast<int>(groups.size()); ++g)
    for (int i = 0; i < groups[g].channels(); ++i) candidates.push_back({g, i, worth.at(at++)});
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.worth < b.worth; });
  return candidates;
}

void zero(Graph& graph, const PruneGroup& group, int i) {
  for (const PruneGroup::Norm& norm : group.norms) {
    const Parameter* scale = graph.node(norm.node).parameter(Role::gamma);
    scale->value.put(norm.channels[i], 0);
  }
}

// Searches how many channels to remove, in order of worth, so that the cost of the extracted
// network comes just below the target.
class BudgetSearch {
 public:
  BudgetSearch(const Graph& graph, const std::vector<PruneGroup>& groups, const Budget& budget,
               const std::vector<double>& worth)
      : graph_(graph),
        groups_(groups),
        budget_(budget),
        estimate_(graph, groups, budget),
        order_(by_worth(groups, worth)) {
    protect_last_paths();
  }

  // Without every channel that may go.
  double least_cost() { return measure_all().cost; }

  // The channels to remove, and the cost of the network without them.
  struct Result {
    std::vector<Candidate> removed;
    double cost = 0;
  };
  Result run(bool floor_will_do) {
    over_ = measure(0);
    if (over_.cost <= budget_.target) return {{}, over_.cost};
    under_ = floor_will_do ? measure_all() : least();
    if (under_.cost > budget_.target) return result(under_);
    bisect();
    Result best = result(under_);
    // Where one channel jumps over the whole tolerance, keep it and go on with those after it.
    for (int tries = 0; tries < kMostSkipped && too_low(best.cost); ++tries) {
      order_.erase(order_.begin() + over_.count);
      under_ = measure(static_cast<int>(order_.size()));
      if (under_.cost > budget_.target) break;
      bisect();
      if (under_.cost > best.cost) best = result(under_);
    }
    const bool over_is_close = over_.cost <= (1 + kTolerance) * budget_.target;
    return too_low(best.cost) && over_is_close ? result(over_) : best;
  }

 private:
  static constexpr double kTolerance = 0.03, kCloseEnough = 0.005;
  static constexpr int kMostSkipped = 16;
  struct Point {
    int count = 0;    // of the channels in order_, removed
    double cost = 0;  // of the extracted network
    double estimate = 0;
  };

  Point measure_all() { return measure(static_cast<int>(order_.size())); }
  Point least() {
    const Point p = measure_all();
    GSX_CHECK(p.cost <= (1 + kTolerance) * budget_.target,
              "prune_to_budget: target must be at least ", std::ceil(p.cost),
              ", the least this network can be pruned to, got ", budget_.target);
    return p;
  }
  bool too_low(double cost) const { return cost < (1 - kTolerance) * budget_.target; }
  Result result(const Point& p) const {
    return {{order_.begin(), order_.begin() + p.count}, p.cost};
  }

  // Takes out of the order the last channel of every path from input to output.
  void protect_last_paths() {
    std::vector<int> left;
    for (const PruneGroup& group : groups_) left.push_back(group.channels());
    std::vector<Candidate> allowed;
    for (const Candidate& c : order_) {
      estimate_.set(c, true);
      if (left[c.group] == 1 && !estimate_.connected()) {
        estimate_.set(c, false);
        continue;
      }
      --left[c.group];
      allowed.push_back(c);
    }
    for (const Candidate& c : order_) estimate_.set(c, false);
    order_ = std::move(allowed);
  }

  double estimate(int count) {
    for (int i = 0; i < count; ++i) estimate_.set(order_[i], true);
    const double cost = estimate_();
    for (int i = 0; i < count; ++i) estimate_.set(order_[i], false);
    return cost;
  }

  Point measure(int count) {
    Graph trial = graph_;
    for (int i = 0; i < count; ++i) zero(trial, groups_[order_[i].group], order_[i].channel);
    const Graph small = extract(trial);
    return {count, cost_of(small, budget_), estimate(count)};
  }

  // Narrows over_ .. under_ until the one is next to the other or the cost is close below the
  // target.
  void bisect() {
    for (int round = 0; under_.count - over_.count > 1; ++round) {
      if (under_.cost >= (1 - kCloseEnough) * budget_.target) return;
      const Point p = measure(round < 8 ? guess() : (over_.count + under_.count) / 2);
      (p.cost > budget_.target ? over_ : under_) = p;
    }
  }

  // The count whose estimate, corrected by what the estimates at both ends were off, meets the
  // target.
  int guess() {
    const double slope =
        (under_.cost - over_.cost) / std::min(under_.estimate - over_.estimate, -1.0);
    const double goal = (1 - kCloseEnough / 2) * budget_.target;
    const double wanted = over_.estimate + (goal - over_.cost) / slope;
    int lo = over_.count, hi = under_.count;
    while (hi - lo > 1) {
      const int middle = (lo + hi) / 2;
      (estimate(middle) > wanted ? lo : hi) = middle;
    }
    return std::clamp(hi, over_.count + 1, under_.count - 1);
  }

  const Graph& graph_;
  const std::vector<PruneGroup>& groups_;
  Budget budget_;
  CostEstimate estimate_;
  std::vector<Candidate> order_;
  Point over_,
      under_;  // the most channels known to be too few to remove, the fewest known to suffice
};

double remove(Graph& graph, const std::vector<PruneGroup>& groups,
              const BudgetSearch::Result& found) {
  for (const Candidate& c : found.removed) zero(graph, groups[c.group], c.channel);
  return found.cost;
}

// Of a budget of several units: what a channel saves as part of what has to be saved, summed over
// the units that are above their targets, in the first one's.
std::vector<double> joint_costs(const Graph& graph, const std::vector<PruneGroup>& groups,
                                const std::vector<Budget>& parts) {
  std::vector<double> sums(groups.size(), 0);
  for (const Budget& part : parts) {
    const double excess = cost_of(graph, part) - part.target;
    if (excess <= 0) continue;
    const std::vector<double> costs = channel_costs(graph, groups, part);
    for (size_t g = 0; g < sums.size(); ++g) sums[g] += costs[g] / excess;
  }
  double whole = 0;
  for (const double sum : sums) whole += sum;
  if (whole == 0) return channel_costs(graph, groups, parts[0]);  // nothing has to be saved
  for (double& sum : sums) sum = std::max(sum * parts[0].target, 1.0);
  return sums;
}

void check_target(const Budget& budget) {
  GSX_CHECK(budget.kind != Budget::Kind::none && budget.target > 0,
            "prune_to_budget: target must be a positive number of macs or bytes, got ",
            budget.target);
}

}  // namespace

std::vector<double> channel_costs(const Graph& graph, const std::vector<PruneGroup>& groups,
                                  const Budget& budget) {
  const std::vector<Budget> parts = parts_of(budget);
  if (parts.size() > 1) return joint_costs(graph, groups, parts);
  CostEstimate estimate(graph, groups, budget);
  const double whole = estimate();
  std::vector<double> costs;
  for (int g = 0; g < static_cast<int>(groups.size()); ++g) {
    const int half = std::max(1, groups[g].channels() / 2);
    for (int i = 0; i < half; ++i) estimate.set({g, i, 0}, true);
    costs.push_back(std::max((whole - estimate()) / half, 1.0));
    for (int i = 0; i < half; ++i) estimate.set({g, i, 0}, false);
  }
  return costs;
}

double cost_of(const Graph& graph, const Budget& budget) {
  if (budget.kind == Budget::Kind::macs) return macs_of(graph, budget);
  return joint(budget, bytes_of(graph, budget), budget.most_macs > 0 ? macs_of(graph, budget) : 0);
}

std::vector<Budget> parts_of(const Budget& budget) {
  if (budget.kind == Budget::Kind::none) return {};
  if (budget.most_macs == 0) return {budget};
  Budget bytes = budget, macs = budget;
  bytes.most_macs = macs.most_macs = 0;
  macs.kind = Budget::Kind::macs;
  macs.target = budget.most_macs;
  return {bytes, macs};
}

double prune_to_budget(Graph& graph, const std::vector<PruneGroup>& groups, const Budget& budget,
                       bool floor_will_do) {
  check_target(budget);
  return remove(graph, groups,
                BudgetSearch(graph, groups, budget, importances(graph, groups)).run(floor_will_do));
}

double prune_to_budget(Graph& graph, const std::vector<PruneGroup>& groups, const Budget& budget,
                       const std::vector<double>& worth) {
  check_target(budget);
  return remove(graph, groups, BudgetSearch(graph, groups, budget, worth).run(true));
}

double least_cost(const Graph& graph, const std::vector<PruneGroup>& groups, const Budget& budget) {
  return BudgetSearch(graph, groups, budget, importances(graph, groups)).least_cost();
}

}  // namespace gsx
