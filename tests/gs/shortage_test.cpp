// Memory that runs out at any moment of a training step or an evaluation: one sentence, nothing
// lost, and the context works on.
#include "gs/passes/extract.h"
#include "gs/translate.h"
#include "models/memory_need.h"
#include "tests/catch.h"
#include "tests/failing_memory.h"
#include "tests/gs/step_networks.h"

using namespace gsx;
using Catch::Matchers::Contains;
using test::memory_counts;

namespace {

ContextPtr counted_context(int threads = 2) {
  ContextOptions options;
  options.threads = threads;
  options.memory = &test::failing_memory();
  return Context::create(options);
}

// Calls work(context), which gives numbers, with memory that ends at each of its allocations in
// turn, from the first to the last.
template <class Work>
void run_out_everywhere(const Work& work) {
  test::reset_memory_counts();
  const std::vector<float> expected = work(counted_context());
  const int64_t all = memory_counts().allocations;
  REQUIRE(memory_counts().live.empty());
  REQUIRE(all > 10);
  const ContextPtr survivor = counted_context();
  for (int64_t n = 0; n < all; n += 1 + n / 24) {
    INFO("memory ends at allocation " << n << " of " << all);
    test::reset_memory_counts();
    memory_counts().fails_from = n;
    const size_t others = memory_counts().live.size();  // the survivor's scratch
    CHECK_THROWS_WITH(work(counted_context()), Contains("out of memory: "));
    CHECK(memory_counts().live.size() == others);
    // It comes back at once: nobody notices.
    test::reset_memory_counts();
    memory_counts().fails_from = n;
    memory_counts().works_from = n + 1;
    CHECK(work(survivor) == expected);
    test::reset_memory_counts();
    survivor->release_cache();
  }
}

// Evaluating x takes what evaluation_bytes tells.
void check_told(const Graph& graph, const Tensor& x) {
  const ContextPtr& context = x.context();
  const size_t before = context->memory().current_bytes - x.storage_size() * sizeof(float);
  context->reset_peak();
  graph.evaluate(x);
  const double held = static_cast<double>(context->memory().peak_bytes - before);
  const double told = evaluation_bytes(graph, x.shape());
  CAPTURE(held, told);
  CHECK(told >= 0.995 * held);  // small tensors of channels aside
  CHECK(told <= 1.1 * held);
}

}  // namespace

TEST_CASE("memory may run out anywhere in a training step") {
  const test::Setting& setting = test::kSettings[1];
  run_out_everywhere([&](const ContextPtr& context) {
    test::Networks n = test::make_networks(setting, context);
    SlimmingOptions options;
    options.rho = 0.01f;
    SlimmingStep step(n.student, n.discriminator, &n.features, n.features.feature_layers, options);
    SlimmingStep::Input in;
    in.x = test::images(context, setting.input, n.student.input_format, 1);
    in.y_teacher = test::images(context, setting.input, n.student.output_format, 2);
    const SlimmingLosses losses = step.step(in);
    std::vector<float> values = step.generated().to_vector();
    values.push_back(static_cast<float>(losses.generator));
    return values;
  });
}

TEST_CASE("memory may run out anywhere in an evaluation") {
  const test::Setting& setting = test::kSettings[1];
  run_out_everywhere([&](const ContextPtr& context) {
    test::Networks n = test::make_networks(setting, context);
    const Tensor x = test::images(context, setting.input, n.student.input_format, 1);
    return translate(n.student, x).to_vector();
  });
}

TEST_CASE("what an evaluation needs is known from shapes") {
  const ContextPtr context = counted_context(1);
  for (const test::Setting& setting : test::kSettings) {
    INFO(setting.name);
    const Shape shape{1, 3, 256, 320};
    for (const bool quantized : {false, true}) {
      INFO("quantized " << quantized);
      Graph graph = setting.student();
      Rng rng(1);
      graph.initialize(context, rng, {});
      const Tensor x = test::images(context, shape, graph.input_format, 1);
      if (quantized) {
        insert_quantizers(graph, {});
        calibrate(graph, {x}, {});
        freeze_weight_scales(graph);
        graph.program();  // lowered once
      }
      check_told(graph, x);
      CHECK(scratch_bytes(graph, 1) >= static_cast<double>(context->memory().workspace_bytes));
    }
  }
}

TEST_CASE("what an evaluation of a pruned network needs is known from shapes") {
  const ContextPtr context = counted_context(1);
  Graph whole = cyclegan({.width = 16, .blocks = 2, .affine = true});
  Rng rng(1);
  whole.initialize(context, rng, {});
  for (Parameter* p : whole.parameters()) {
    if (p->role == Role::beta) p->value.fill(0.3f);
    if (p->role != Role::gamma) continue;
    for (int64_t i = 0; i < p->value.numel() / 2; ++i) p->value.put(i, 0);
  }
  const Graph graph = extract(whole);
  const Shape shape{1, 3, 256, 320};
  const Tensor x = test::images(context, shape, graph.input_format, 1);
  check_told(graph, x);
}

TEST_CASE("an image that cannot fit is refused before anything is done") {
  const ContextPtr context = counted_context();
  Graph graph = fast_style({});
  Rng rng(1);
  graph.initialize(context, rng, {});
  CHECK_FALSE(check_room(graph, {1, 3, 64, 64}).by_bands);
  CHECK_THROWS_WITH((void)check_room(graph, {1, 3, 1000000, 2000000}),
                    Contains("an image of 2000000 x 1000000 needs about ") &&
                        Contains(" leaves ") && Contains("GB"));
}
