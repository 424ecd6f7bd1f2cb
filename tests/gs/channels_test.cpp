// Which channels can be pruned together, and their proximal step.
#include "gs/passes/channels.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/gs/graphs.h"

using namespace gsx;
using test::case_named;

namespace {

// "name:channels" of every norm of every group, groups separated by spaces, norms by '+'.
std::string describe(const Graph& graph) {
  std::string text;
  for (const PruneGroup& group : prune_groups(graph)) {
    text += text.empty() ? "" : " ";
    for (size_t k = 0; k < group.norms.size(); ++k)
      text += (k ? "+" : "") + graph.node(group.norms[k].node).name;
    text += ":" + std::to_string(group.channels());
  }
  return text;
}

float& gamma(Graph& graph, const PruneGroup& group, size_t norm, int i) {
  const PruneGroup::Norm& n = group.norms[norm];
  return graph.node(n.node).parameter(Role::gamma)->value.mutable_data<float>()[n.channels[i]];
}

}  // namespace

TEST_CASE("prune groups of a cyclegan are the paper's 13 norms") {
  CHECK(describe(cyclegan()) ==
        "model.2:64 model.5:128 model.10.conv_block.2:256 model.11.conv_block.2:256 "
        "model.12.conv_block.2:256 model.13.conv_block.2:256 model.14.conv_block.2:256 "
        "model.15.conv_block.2:256 model.16.conv_block.2:256 model.17.conv_block.2:256 "
        "model.18.conv_block.2:256 model.20:128 model.23:64");
  CHECK(describe(cyclegan({.affine = false})) == "");
}

TEST_CASE("prune groups of a cartoongan tie the residual stream") {
  CHECK(describe(cartoongan({.width = 4, .blocks = 2})) ==
        "in01_1:4 in02_1:8 in03_1+in04_2+in05_2:16 in04_1:16 in05_1:16 in06_1:8 in07_1:4");
}

TEST_CASE("prune groups of a fast_style leave the norm of the image alone") {
  CHECK(describe(fast_style({.width = 4, .blocks = 2})) ==
        "in1:4 in2:8 in3+res1.in2+res2.in2:16 res1.in1:16 res2.in1:16 in_up1:8 in_up2:4");
}

TEST_CASE("prune groups of hand-made graphs") {
  CHECK(describe(case_named("unet").make()) == "e1n:6 e2n:9 m_n:7 d1n:5 d2n:4");
  CHECK(describe(case_named("zero_padded").make()) == "n0+r1.n2+r2.n2:7 r1.n1:5 r2.n1:5 n3:6");
  CHECK(describe(case_named("branches").make()) == "bn1:8 n2+n3+n5:6 n4:5");
}

TEST_CASE("a channel read before its norm, or behind zero padding of its own, is not prunable") {
  Graph g("hand_made");
  g.add(make_input("input", 3));
  const auto conv = [&](const std::string& name, int from, int in, int out) {
    return g.add(
        make_conv(name, from, {.in = in, .out = out, .options = {.pad = Padding::all(1)}}));
  };
  const int c1 = conv("c1", 0, 3, 4);
  const int n1 = g.add(make_instance_norm("n1", c1, 4, true));
  const int side = conv("side", c1, 4, 5);  // reads c1 without its norm
  const int n2 = g.add(make_instance_norm("n2", side, 5, true));
  const int padded = g.add(make_pad("pad", n2, Padding::all(1), PadMode::zero));
  const int c2 = g.add(make_conv(
      "c2", padded, {.in = 5, .out = 4, .options = {}}));  // n2's shift is no constant here
  conv("out", g.add(make_add("sum", n1, c2)), 4, 3);
  CHECK(describe(g) == "");
}

TEST_CASE("a channel that meets itself in a concatenation has one scale twice") {
  Graph g("hand_made");
  g.add(make_input("input", 3));
  const int c1 = g.add(make_conv("c1", 0, {.in = 3, .out = 4, .options = {}}));
  const int twice = g.add(make_concat("twice", {c1, c1}));
  const int n = g.add(make_instance_norm("n", twice, 8, true));
  g.add(make_conv("out", n, {.in = 8, .out = 3, .options = {}}));
  const std::vector<PruneGroup> groups = prune_groups(g);
  REQUIRE(groups.size() == 1);
  REQUIRE(groups[0].norms.size() == 2);
  CHECK(groups[0].norms[0].channels == std::vector<int>{0, 1, 2, 3});
  CHECK(groups[0].norms[1].channels == std::vector<int>{4, 5, 6, 7});
}

TEST_CASE("prox shrinks single scales by the threshold and tied ones as a block") {
  Graph g = case_named("zero_padded").make();
  const std::vector<PruneGroup> groups = prune_groups(g);
  const PruneGroup &stream = groups[0], &single = groups[1];
  gamma(g, single, 0, 0) = 0.5f;
  gamma(g, single, 0, 1) = -0.5f;
  gamma(g, single, 0, 2) = 0.05f;
  gamma(g, single, 0, 3) = -0.1f;
  for (size_t k = 0; k < 3; ++k) gamma(g, stream, k, 0) = std::vector<float>{2, -1, 2}[k];
  for (size_t k = 0; k < 3; ++k) gamma(g, stream, k, 1) = std::vector<float>{0.05f, 0, -0.06f}[k];
  const double before = sparsity_norm(g, groups);
  prox_groups(g, groups, 0.1f);
  CHECK(gamma(g, single, 0, 0) == 0.5f - 0.1f);
  CHECK(gamma(g, single, 0, 1) == -(0.5f - 0.1f));
  CHECK(gamma(g, single, 0, 2) == 0);
  CHECK(gamma(g, single, 0, 3) == 0);
  CHECK_FALSE(std::signbit(gamma(g, single, 0, 3)));
  const double factor = 1 - 0.1f / 3.0;  // |(2, -1, 2)| = 3
  CHECK(gamma(g, stream, 0, 0) == Approx(2 * factor));
  CHECK(gamma(g, stream, 1, 0) == Approx(-factor));
  for (size_t k = 0; k < 3; ++k) CHECK(gamma(g, stream, k, 1) == 0);
  CHECK(sparsity_norm(g, groups) < before);
}

TEST_CASE("prox keeps what a tied channel's other norms are worth") {
  Graph g = case_named("zero_padded").make();
  const std::vector<PruneGroup> groups = prune_groups(g);
  for (size_t k = 0; k < 3; ++k) gamma(g, groups[0], k, 0) = k == 1 ? 1.0f : 0.0f;
  prox_groups(g, groups, 0.25f);
  CHECK(gamma(g, groups[0], 0, 0) == 0);
  CHECK(gamma(g, groups[0], 1, 0) == Approx(0.75));
  CHECK_THROWS_WITH(prox_groups(g, groups, -1),
                    "prox_groups: threshold must not be negative, got -1");
}

TEST_CASE("counting and summing channels") {
  Graph g = case_named("cyclegan").make();
  const std::vector<PruneGroup> groups = prune_groups(g);
  for (Parameter* p : g.parameters())
    if (p->role == Role::gamma) p->value.fill(-0.5f);
  const ChannelCount all = count_kept(g, groups);
  CHECK(all.total == 6 + 12 + 24 + 24 + 12 + 6);
  CHECK(all.kept == all.total);
  CHECK(sparsity_norm(g, groups) == Approx(0.5 * all.total));
  test::kill(g, groups[2], 5);
  CHECK(count_kept(g, groups).kept == all.total - 1);
}
