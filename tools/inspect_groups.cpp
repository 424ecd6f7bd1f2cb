// Groups of channels in words; see inspect_groups.h.
#include "tools/inspect_groups.h"

#include "engine/text_table.h"
#include "gs/passes/channel_rows.h"
#include "gs/passes/insert_scales.h"

namespace gsx::tools {
namespace {

// A network as training would prune it, and its channels.
struct Pruned {
  Graph graph;
  std::vector<ChannelRow> rows;

  Pruned(const Graph& of, int size) : graph(of) {
    insert_scales(graph);
    const bool fixed = graph.only_height > 0;
    rows = channel_rows(graph, fixed ? graph.only_height : size, fixed ? graph.only_width : size);
  }
  const std::string& name(int node) const { return as_const().node(node).name; }
  bool inserted(int node) const { return as_const().node(node).scale_is_inserted(); }
  std::string kind(int node) const { return std::string(as_const().node(node).kind()); }
  const Graph& as_const() const { return graph; }

  Json names(const std::vector<int>& nodes) const {
    Json list = Json::array();
    for (const int i : nodes) list.push_back(name(i));
    return list;
  }
  // The first two.
  std::string few_names(const std::vector<int>& nodes) const {
    constexpr size_t kShown = 2;
    std::string text;
    for (size_t i = 0; i < nodes.size() && i < kShown; ++i)
      text += (i > 0 ? ", " : "") + name(nodes[i]);
    if (nodes.size() > kShown) text += " and " + std::to_string(nodes.size() - kShown) + " more";
    return text;
  }
  // The scales of a group: whose they are.
  std::string scales(const ChannelRow& row) const {
    size_t own = 0;
    for (const int i : row.scales) own += !inserted(i);
    const bool both = own > 0 && own < row.scales.size();
    return few_names(row.scales) + (both ? " (some inserted)" : own > 0 ? "" : " (inserted)");
  }
  std::string why(const Stay& stay) const {
    if (stay.node < 0) return "nothing reads them";
    const std::string it = name(stay.node);
    switch (stay.why) {
      case Stay::Why::input: return "tied to the input " + it;
      case Stay::Why::output: return "tied to the output " + it;
      case Stay::Why::feature_layer: return "tied to the feature layer " + it;
      case Stay::Why::pinned: return it + " (" + kind(stay.node) + ") needs all of them";
      default: return "no scale reaches what " + it + " reads of them";
    }
  }
};

std::string millions(double macs) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", macs / 1e6);
  return text;
}

}  // namespace

Json groups_json(const Graph& graph, int size) {
  const Pruned pruned(graph, size);
  Json groups = Json::array(), staying = Json::array();
  for (const ChannelRow& row : pruned.rows) {
    Json j = {{"channels", row.sets},
              {"layers", pruned.names(row.makers)},
              {"readers", pruned.names(row.readers)}};
    if (row.scales.empty()) {
      j["why"] = pruned.why(row.stay);
      staying.push_back(j);
      continue;
    }
    j["scales"] = Json::array();
    for (const int i : row.scales)
      j["scales"].push_back({{"layer", pruned.name(i)}, {"inserted", pruned.inserted(i)}});
    j["bytes_per_channel"] = row.bytes;
    j["macs_per_channel"] = row.macs;
    groups.push_back(j);
  }
  return {{"groups", groups}, {"staying", staying}};
}

std::string groups_text(const Graph& graph, int size) {
  const Pruned pruned(graph, size);
  std::vector<std::vector<std::string>> groups = {{"pruned together", "shrunk by the scales of",
                                                   "read by", "channels", "bytes each",
                                                   "MMAC each"}},
                                        staying = {{"not pruned", "because", "channels"}};
  for (const ChannelRow& row : pruned.rows) {
    const std::string sets = std::to_string(row.sets), layers = pruned.few_names(row.makers);
    if (row.scales.empty()) {
      staying.push_back({layers, pruned.why(row.stay), sets});
      continue;
    }
    groups.push_back({layers, pruned.scales(row), pruned.few_names(row.readers), sets,
                      std::to_string(static_cast<int64_t>(row.bytes)), millions(row.macs)});
  }
  std::string text;
  if (groups.size() > 1) text += text_table(groups, 3);
  else text += "no channel can be pruned\n";
  if (staying.size() > 1) text += "\n" + text_table(staying, 2);
  return text;
}

}  // namespace gsx::tools
