// What gsx inspect --groups says, against extraction and against graphs made for each reason.
#include "gs/passes/channel_rows.h"

#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "models/builder.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;

namespace {

std::string names(const Graph& graph, const std::vector<int>& nodes) {
  std::string text;
  for (const int i : nodes) text += (text.empty() ? "" : "+") + graph.node(i).name;
  return text;
}

// "makers:sets>readers" of groups, "makers:sets=reason@node" of what stays.
std::string describe(const Graph& graph) {
  const char* reasons[] = {"no", "input", "output", "feature", "pinned", "read"};
  std::string text;
  for (const ChannelRow& row : channel_rows(graph, 64, 64)) {
    text += (text.empty() ? "" : " ") + names(graph, row.makers) + ":" + std::to_string(row.sets);
    if (!row.scales.empty()) {
      text += ">" + names(graph, row.readers);
      continue;
    }
    text += std::string("=") + reasons[static_cast<int>(row.stay.why)];
    if (row.stay.node >= 0) text += "@" + graph.node(row.stay.node).name;
  }
  return text;
}

}  // namespace

TEST_CASE("channel rows: groups are those that are pruned, and the others say why they stay") {
  CHECK(describe(cartoongan({.width = 4, .blocks = 1})) ==
        "conv01_1:4>conv02_1 conv02_2:8>conv03_1 conv03_2+conv04_2:16>conv04_1+deconv01_1 "
        "conv04_1:16>conv04_2 deconv01_2:8>deconv02_1 deconv02_2:4>deconv03_1 "
        "conv02_1:8=read@conv02_2 conv03_1:16=read@conv03_2 deconv01_1:8=read@deconv01_2 "
        "deconv02_1:4=read@deconv02_2 deconv03_1:3=output@tanh");
  Graph scaled = cartoongan({.width = 4, .blocks = 1});
  insert_scales(scaled);
  CHECK(describe(scaled).find("read@") == std::string::npos);
}

TEST_CASE("channel rows: every reason to stay is told with its node") {
  Builder b("reasons", 3);
  b.conv("to_sum", {.in = 3, .out = 3, .same_pad = true});
  b.add("sum", 0, b.last());
  b.conv("bare", {.in = 3, .out = 5, .same_pad = true});
  b.conv("lends", {.in = 5, .out = 6, .same_pad = true});
  const int looked_at = b.instance_norm("norm", 6, true);
  b.conv("averaged", {.in = 6, .out = 4, .same_pad = true});
  b.put_node(make_reduce_mean("mean", b.last(), std::vector<int>{1}));
  b.conv("last", {.in = 1, .out = 3, .same_pad = true});
  const int last = b.last();
  b.go_to(looked_at);
  b.conv("idle", {.in = 6, .out = 2, .same_pad = true});
  Graph graph = b.take();
  graph.set_outputs({{"y", last}});
  graph.feature_layers = {"norm"};
  CHECK(describe(graph) ==
        "to_sum:3=input@input bare:5=read@lends lends:6=feature@norm averaged:4=pinned@mean "
        "last:3=output@last idle:2=no");
}

TEST_CASE("channel rows: what a channel costs is what extraction saves") {
  for (const char* name : {"cyclegan", "cartoongan", "zero_padded"}) {
    INFO(name);
    const Graph graph = test::case_named(name).make();
    const std::vector<PruneGroup> groups = prune_groups(graph);
    const Shape input = graph.input_shapes(64, 64)[0];
    size_t found = 0;
    for (const ChannelRow& row : channel_rows(graph, 64, 64)) {
      for (const PruneGroup& group : groups) {
        if (row.scales.empty() || group.norms[0].node != row.scales[0]) continue;
        ++found;
        Graph masked = graph;
        const int half = group.channels() / 2;
        for (int i = 0; i < half; ++i) test::kill(masked, group, i);
        const double saved =
            graph.cost(input).macs.true_macs - extract(masked).cost(input).macs.true_macs;
        CHECK(row.sets == group.channels());
        CHECK(row.macs * half == Approx(saved));
        CHECK(row.bytes > 0);
      }
    }
    CHECK(found == groups.size());
  }
}
