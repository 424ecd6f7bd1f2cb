// Groups of prunable channels, their proximal step and their count; see channels.h.
#include "gs/passes/channels.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "gs/passes/constant_propagation.h"
#include "optim/prox.h"

namespace gsx {
namespace {

constexpr size_t kMostTied = 32;  // norms that devices shrink together

struct NormChannel {
  int node, channel;
  friend auto operator<=>(const NormChannel&, const NormChannel&) = default;
};

// The gammas of every removable group of tied channels that has any, by group.
std::map<int, std::vector<NormChannel>> tied_scales(const Graph& graph, const ChannelTies& ties,
                                                    const std::vector<bool>& removable) {
  std::map<int, std::vector<NormChannel>> tied;
  for (int i = 0; i < graph.size(); ++i) {
    if (!graph.node(i).parameter(Role::gamma)) continue;
    for (int c = 0; c < ties.channels(i); ++c)
      if (removable[ties.group(i, c)]) tied[ties.group(i, c)].push_back({i, c});
  }
  return tied;
}

const Parameter& scale_of(const Graph& graph, int node) {
  const Parameter* p = graph.node(node).parameter(Role::gamma);
  GSX_CHECK(p && p->value.defined(), "prune groups: node ", graph.node(node).name,
            " must have scales; the groups must come from this graph, with its parameters set");
  return *p;
}

// The gammas of a graph's groups, read once and written back when changed.
class Scales {
 public:
  Scales(const Graph& graph, const std::vector<PruneGroup>& groups) {
    for (const PruneGroup& group : groups)
      for (const PruneGroup::Norm& norm : group.norms)
        if (!values_.count(norm.node))
          values_[norm.node] = scale_of(graph, norm.node).value.to_vector();
  }
  float& at(const PruneGroup::Norm& norm, int i) { return values_.at(norm.node)[norm.channels[i]]; }
  float at(const PruneGroup::Norm& norm, int i) const {
    return values_.at(norm.node)[norm.channels[i]];
  }
  // ||v||_2 of channel i of a group.
  double length(const PruneGroup& group, int i) const {
    double squares = 0;
    for (const PruneGroup::Norm& norm : group.norms) squares += double(at(norm, i)) * at(norm, i);
    return std::sqrt(squares);
  }
  void store(const Graph& graph) const {
    for (const auto& [node, values] : values_) scale_of(graph, node).value.copy_from(values);
  }

 private:
  std::map<int, std::vector<float>> values_;
};

// Shrinks channel i of a group (Eqs. 13-14).
void shrink(Scales& scales, const PruneGroup& group, int i, float threshold) {
  if (group.norms.size() == 1) {
    float& v = scales.at(group.norms[0], i);
    const float rest = std::max(std::fabs(v) - threshold, 0.0f);
    v = std::copysign(rest, v);
    if (rest == 0) v = 0;  // never -0
    return;
  }
  const double length = scales.length(group, i);
  const auto factor = static_cast<float>(length <= threshold ? 0 : 1 - threshold / length);
  for (const PruneGroup::Norm& norm : group.norms) {
    float& v = scales.at(norm, i);
    v = factor == 0 ? 0 : v * factor;  // keeps a NaN
  }
}

}  // namespace

PruneBy prune_by_named(const std::string& name) {
  const auto* const found = std::find(std::begin(kPruneByNames), std::end(kPruneByNames), name);
  GSX_CHECK(found != std::end(kPruneByNames), "prune_by: must be norm, inserted or both, got ",
            name);
  return static_cast<PruneBy>(found - std::begin(kPruneByNames));
}

std::vector<PruneGroup> prune_groups(const Graph& graph, PruneBy by) {
  const std::vector<Shape> shapes = graph.infer_shapes(graph.example_inputs());
  const ChannelTies ties(graph, shapes);
  const std::vector<bool> removable =
      removable_groups(graph, shapes, ties, prunable_constants(graph, shapes));
  // Channels tied over the same norms form one group.
  std::map<std::vector<int>, std::vector<std::vector<NormChannel>>> by_norms;
  for (auto& [tie, scales] : tied_scales(graph, ties, removable)) {
    std::vector<int> norms;
    for (const NormChannel& s : scales) norms.push_back(s.node);
    const auto counts = [&](int node) {
      return by == PruneBy::both ||
             graph.node(node).scale_is_inserted() == (by == PruneBy::inserted);
    };
    if (!std::all_of(norms.begin(), norms.end(), counts)) continue;
    by_norms[norms].push_back(scales);
  }
  std::vector<PruneGroup> groups;
  for (auto& [norms, channels] : by_norms) {
    std::sort(channels.begin(), channels.end());
    PruneGroup group;
    for (size_t k = 0; k < norms.size(); ++k) {
      group.norms.push_back({norms[k], {}});
      for (const auto& tied : channels) group.norms.back().channels.push_back(tied[k].channel);
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

bool has_whole_norms(const Graph& graph, const PruneGroup& group) {
  return std::all_of(group.norms.begin(), group.norms.end(), [&](const PruneGroup::Norm& norm) {
    const auto channels = static_cast<size_t>(scale_of(graph, norm.node).value.numel());
    if (norm.channels.size() != channels) return false;
    for (size_t i = 0; i < channels; ++i)
      if (norm.channels[i] != static_cast<int>(i)) return false;
    return true;
  });
}

void prox_groups(Graph& graph, const std::vector<PruneGroup>& groups, float threshold) {
  GSX_CHECK(threshold >= 0, "prox_groups: threshold must not be negative, got ", threshold);
  std::vector<PruneGroup> in_parts;
  for (const PruneGroup& group : groups) {
    if (group.norms.size() > kMostTied || !has_whole_norms(graph, group)) {
      in_parts.push_back(group);
      continue;
    }
    std::vector<Tensor> scales;
    for (const PruneGroup::Norm& norm : group.norms)
      scales.push_back(scale_of(graph, norm.node).value);
    block_soft_threshold(scales, threshold, group.worth);
  }
  if (in_parts.empty()) return;
  Scales scales(graph, in_parts);
  for (const PruneGroup& group : in_parts) {
    std::vector<float> worth(group.channels(), 1);
    if (group.worth.defined()) worth = group.worth.to_vector();
    for (int i = 0; i < group.channels(); ++i) shrink(scales, group, i, threshold / worth[i]);
  }
  scales.store(graph);
}

double sparsity_norm(const Graph& graph, const std::vector<PruneGroup>& groups) {
  const Scales scales(graph, groups);
  double sum = 0;
  for (const PruneGroup& group : groups)
    for (int i = 0; i < group.channels(); ++i) sum += scales.length(group, i);
  return sum;
}

std::vector<double> channel_scales(const Graph& graph, const std::vector<PruneGroup>& groups) {
  const Scales scales(graph, groups);
  std::vector<double> lengths;
  for (const PruneGroup& group : groups)
    for (int i = 0; i < group.channels(); ++i) lengths.push_back(scales.length(group, i));
  return lengths;
}

std::vector<bool> kept_channels(const Graph& graph, const std::vector<PruneGroup>& groups) {
  const Scales scales(graph, groups);
  std::vector<bool> kept;
  for (const PruneGroup& group : groups)
    for (int i = 0; i < group.channels(); ++i) kept.push_back(scales.length(group, i) > 0);
  return kept;
}

void drop_channels(Graph& graph, const std::vector<PruneGroup>& groups,
                   const std::vector<bool>& kept) {
  Scales scales(graph, groups);
  size_t at = 0;
  for (const PruneGroup& group : groups)
    for (int i = 0; i < group.channels(); ++i)
      if (!kept.at(at++))
        for (const PruneGroup::Norm& norm : group.norms) scales.at(norm, i) = 0;
  scales.store(graph);
}

ChannelCount count_kept(const Graph& graph, const std::vector<PruneGroup>& groups) {
  const Scales scales(graph, groups);
  ChannelCount count;
  for (const PruneGroup& group : groups) {
    count.total += group.channels();
    for (int i = 0; i < group.channels(); ++i) count.kept += scales.length(group, i) > 0;
  }
  return count;
}

}  // namespace gsx
