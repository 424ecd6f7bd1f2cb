// Extraction on random graphs with random single scales at zero: whatever the pass makes of them,
// the function must stay.
#include "gs/passes/extract.h"
#include "gs/passes/insert_scales.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"
#include "tests/gs/random_graph.h"

using namespace gsx;
using namespace gsx::test;

namespace {

const Shape kImage{1, 3, 17, 22};

Graph grown(uint64_t seed, int inputs = 1, bool general = false) {
  Rng rng(seed);
  return random_graph([&](int n) { return static_cast<int>(rng.below(n)); },
                      {kImage, 9, inputs, general});
}

// The same, in 8 bits: not a bit differs.
void check_quantized(Graph& graph, uint64_t seed) {
  quantize_graph(graph, kImage);
  freeze_weight_scales(graph);
  const Tensor x = random_images(kImage, seed);
  CHECK(max_difference(extract(graph).evaluate(x), graph.evaluate(x)) == 0);
}

}  // namespace

TEST_CASE("extraction keeps the function of random graphs with random scales at zero") {
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    INFO("seed " << seed);
    Graph graph = grown(seed);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask_at_random(graph, rng);
    checked_extraction(graph, kImage, seed);

    check_quantized(graph, seed);
  }
}

TEST_CASE("extraction keeps every output of random graphs with several inputs") {
  int smaller = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    INFO("seed " << seed);
    Graph graph = grown(seed, 2);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask_at_random(graph, rng);
    const std::vector<Tensor> xs = {random_images(kImage, seed), random_images(kImage, seed + 1)};
    const Graph small = extract(graph);
    const std::vector<Tensor> want = graph.run(xs), got = small.run(xs);
    REQUIRE(got.size() == 2);
    for (size_t i = 0; i < want.size(); ++i)
      CHECK(max_difference(got[i], want[i]) <= 2e-3 * std::max(1.0, max_abs(want[i])));
    const std::vector<Shape> both = {kImage, kImage};
    smaller += small.cost(both).params < graph.cost(both).params;
  }
  CHECK(smaller > 20);
}

TEST_CASE("extraction keeps the function of random graphs with grouped and depthwise layers") {
  int smaller = 0;
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    INFO("seed " << seed);
    Graph graph = grown(seed, 1, true);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask_at_random(graph, rng);
    const Graph small = checked_extraction(graph, kImage, seed);
    smaller += small.cost(kImage).params < graph.cost(kImage).params;

    check_quantized(graph, seed);
  }
  CHECK(smaller > 60);
}

TEST_CASE("extraction folds the inserted scales of random graphs, exactly in 8 bits") {
  int smaller = 0, with_scales = 0;
  for (uint64_t seed = 301; seed <= 400; ++seed) {
    INFO("seed " << seed);
    Graph graph = grown(seed, 1, seed % 2);
    const int inserted = insert_scales(graph);
    randomize(graph, seed);
    Rng rng(seed, 1);
    mask_at_random(graph, rng);
    const Graph small = checked_extraction(graph, kImage, seed);
    for (int i = 0; i < small.size(); ++i)
      CHECK_FALSE((small.node(i).has_weight() && small.node(i).parameter(Role::gamma)));
    with_scales += inserted > 0;
    smaller += inserted > 0 && small.cost(kImage).params < graph.cost(kImage).params;

    check_quantized(graph, seed);
  }
  CHECK(with_scales > 60);
  CHECK(smaller > 50);
}
