// Gathers channels into rows; see channel_rows.h.
#include "gs/passes/channel_rows.h"

#include <algorithm>
#include <set>

#include "gs/passes/budget.h"

namespace gsx {
namespace {

// Who makes and who reads the channels of every group of ties.
class Surroundings {
 public:
  Surroundings(const Graph& graph, const ChannelTies& ties)
      : makers_(ties.groups()), readers_(ties.groups()) {
    for (int i = 0; i < graph.size(); ++i) {
      if (!reads_channels(graph.node(i))) continue;
      add(makers_, ties, i, i);
      add(readers_, ties, graph.node(i).inputs[0], i);
    }
  }
  const std::vector<int>& makers(int tie) const { return makers_[tie]; }
  const std::vector<int>& readers(int tie) const { return readers_[tie]; }

 private:
  // The node, once, to all groups that node `of` has a channel in.
  static void add(std::vector<std::vector<int>>& lists, const ChannelTies& ties, int of, int node) {
    for (int c = 0; c < ties.channels(of); ++c) {
      std::vector<int>& list = lists[ties.group(of, c)];
      if (list.empty() || list.back() != node) list.push_back(node);
    }
  }
  std::vector<std::vector<int>> makers_, readers_;
};

void unite(std::vector<int>& all, const std::vector<int>& more) {
  all.insert(all.end(), more.begin(), more.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

}  // namespace

std::vector<ChannelRow> channel_rows(const Graph& graph, int64_t height, int64_t width) {
  const std::vector<Shape> shapes = graph.infer_shapes(graph.example_inputs());
  const ChannelTies ties(graph, shapes);
  const Surroundings around(graph, ties);
  const std::vector<Stay> stays =
      staying_groups(graph, shapes, ties, prunable_constants(graph, shapes));
  const std::vector<PruneGroup> groups = prune_groups(graph);
  Budget budget;
  budget.input = {1, 3, height, width};
  budget.kind = Budget::Kind::bytes;
  const std::vector<double> bytes = channel_costs(graph, groups, budget);
  budget.kind = Budget::Kind::macs;
  const std::vector<double> macs = channel_costs(graph, groups, budget);

  std::vector<ChannelRow> rows;
  std::vector<bool> pruned(ties.groups(), false);
  for (size_t g = 0; g < groups.size(); ++g) {
    ChannelRow row;
    row.sets = groups[g].channels();
    row.bytes = bytes[g];
    row.macs = macs[g];
    for (const PruneGroup::Norm& norm : groups[g].norms) unite(row.scales, {norm.node});
    const PruneGroup::Norm& any = groups[g].norms.front();
    for (const int channel : any.channels) {
      const int tie = ties.group(any.node, channel);
      pruned[tie] = true;
      unite(row.makers, around.makers(tie));
      unite(row.readers, around.readers(tie));
    }
    rows.push_back(std::move(row));
  }
  const auto first = [](const ChannelRow& a, const ChannelRow& b) { return a.makers < b.makers; };
  std::stable_sort(rows.begin(), rows.end(), first);

  std::map<std::pair<std::vector<int>, Stay>, ChannelRow> staying;
  for (int tie = 0; tie < ties.groups(); ++tie) {
    if (pruned[tie] || around.makers(tie).empty()) continue;
    ChannelRow& row = staying[{around.makers(tie), stays[tie]}];
    row.makers = around.makers(tie);
    row.stay = stays[tie];
    ++row.sets;
    unite(row.readers, around.readers(tie));
  }
  for (auto& [key, row] : staying) rows.push_back(std::move(row));
  return rows;
}

}  // namespace gsx
